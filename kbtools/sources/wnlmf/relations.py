"""The relations of WN-LMF that come in pairs; one that is its own other half is named once."""

from __future__ import annotations

_PAIRS = """
    agent involved_agent, also, antonym, attribute, augmentative has_augmentative, be_in_state state_of,
    causes is_caused_by, classified_by classifies, co_agent_instrument co_instrument_agent,
    co_agent_patient co_patient_agent, co_agent_result co_result_agent, co_instrument_patient
    co_patient_instrument, co_instrument_result co_result_instrument, co_role, derivation,
    diminutive has_diminutive, direction involved_direction, domain_region has_domain_region,
    domain_topic has_domain_topic, entails is_entailed_by, eq_synonym, exemplifies is_exemplified_by,
    feminine has_feminine, has_masculine masculine, has_young young, holonym meronym, holo_location
    mero_location, holo_member mero_member, holo_part mero_part, holo_portion mero_portion, holo_substance
    mero_substance, hypernym hyponym, in_manner manner_of, instance_hypernym instance_hyponym,
    instrument involved_instrument, involved_location location, involved_patient patient,
    involved_result result, involved_source_direction source_direction, involved_target_direction
    target_direction, ir_synonym, is_subevent_of subevent, metaphor has_metaphor, metonym has_metonym,
    restricted_by restricts, role involved, secondary_aspect_ip secondary_aspect_pi, similar,
    simple_aspect_ip simple_aspect_pi
"""

INVERSE: dict[str, str] = {}
for _pair in _PAIRS.split(","):
    _one, *_other = _pair.split()
    INVERSE[_one] = _other[0] if _other else _one
    INVERSE[INVERSE[_one]] = _one


def named(relation: str) -> str:
    """Write a relation as words.

    >>> named("holo_part"), named("other:result")
    ('holo part', 'other: result')
    """
    return relation.replace("_", " ").replace(":", ": ", 1)

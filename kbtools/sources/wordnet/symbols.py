"""What WordNet's signs mean: pointer symbols, lexicographer files, verb frames, and known releases."""

from __future__ import annotations

from typing import NamedTuple

PARTS = "nvar"  # parts of speech by the order of the data files; satellites (s) are adjectives
TYPES = "nvars"  # types of synset; the place + 1 is the number in a sense key
_NOUNS = (
    "Tops act animal artifact attribute body cognition communication event feeling food group location "
    "motive object person phenomenon plant possession process quantity relation shape state substance time"
)
_VERBS = (
    "body change cognition communication competition consumption contact creation emotion motion perception "
    "possession social stative weather"
)
LEXICAL_FILES = dict(
    enumerate(
        [
            "adj.all", "adj.pert", "adv.all",
            *(f"noun.{name}" for name in _NOUNS.split(" ")),
            *(f"verb.{name}" for name in _VERBS.split(" ")),
            "adj.ppl",
        ]
    )
)  # fmt: skip
FRAMES = dict(
    enumerate(
        (
            "Something ----s",
            "Somebody ----s",
            "It is ----ing",
            "Something is ----ing PP",
            "Something ----s something Adjective/Noun",
            "Something ----s Adjective/Noun",
            "Somebody ----s Adjective",
            "Somebody ----s something",
            "Somebody ----s somebody",
            "Something ----s somebody",
            "Something ----s something",
            "Something ----s to somebody",
            "Somebody ----s on something",
            "Somebody ----s somebody something",
            "Somebody ----s something to somebody",
            "Somebody ----s something from somebody",
            "Somebody ----s somebody with something",
            "Somebody ----s somebody of something",
            "Somebody ----s something on somebody",
            "Somebody ----s somebody PP",
            "Somebody ----s something PP",
            "Somebody ----s PP",
            "Somebody's (body part) ----s",
            "Somebody ----s somebody to INFINITIVE",
            "Somebody ----s somebody INFINITIVE",
            "Somebody ----s that CLAUSE",
            "Somebody ----s to somebody",
            "Somebody ----s to INFINITIVE",
            "Somebody ----s whether INFINITIVE",
            "Somebody ----s somebody into V-ing something",
            "Somebody ----s something with something",
            "Somebody ----s INFINITIVE",
            "Somebody ----s VERB-ing",
            "It ----s that CLAUSE",
            "Something ----s INFINITIVE",
        ),
        start=1,
    )
)


class Relation(NamedTuple):
    """A relation, and the pointer symbol that stands for it, in synsets of some part of speech or of any."""

    id: str
    symbol: str
    inverse: str | None
    about: str
    part: str | None = None


POINTERS = [
    Relation("hypernym", "@", "hyponym", "the more general synset"),
    Relation("instance_hypernym", "@i", "instance_hyponym", "what this one thing is an instance of"),
    Relation("hyponym", "~", "hypernym", "a more special synset (of verbs: a manner, a troponym)"),
    Relation("instance_hyponym", "~i", "instance_hypernym", "one thing that is an instance of this"),
    Relation("member_holonym", "#m", "member_meronym", "the group that this is a member of"),
    Relation("substance_holonym", "#s", "substance_meronym", "what this is a substance of"),
    Relation("part_holonym", "#p", "part_meronym", "the whole that this is a part of"),
    Relation("member_meronym", "%m", "member_holonym", "a member of this group"),
    Relation("substance_meronym", "%s", "substance_holonym", "a substance of this"),
    Relation("part_meronym", "%p", "part_holonym", "a part of this"),
    Relation("antonym", "!", "antonym", "the opposite; between words"),
    Relation("attribute", "=", "attribute", "noun and the adjectives that express its values"),
    Relation(
        "derivationally_related_form", "+", "derivationally_related_form",
        "a word of the same root and a related meaning; between words",
    ),
    Relation("entailment", "*", None, "what the action involves"),
    Relation("cause", ">", None, "what the action brings about"),
    Relation("also_see", "^", None, "a related synset or word"),
    Relation("verb_group", "$", "verb_group", "a verb of similar meaning"),
    Relation("similar_to", "&", "similar_to", "adjectives of similar meaning: satellites and their head"),
    Relation("participle_of", "<", None, "the verb whose participle this is; between words"),
    Relation("pertainym", "\\", None, "the word that this one pertains to"),
    Relation("derived_from_adjective", "\\", None, "the adjective that this adverb comes from", "r"),
    Relation("domain_topic", ";c", "domain_topic_member", "the field in which this is a term"),
    Relation("domain_region", ";r", "domain_region_member", "where this is said"),
    Relation("domain_usage", ";u", "domain_usage_member", "the kind of usage that this is"),
    Relation("domain_topic_member", "-c", "domain_topic", "a term of this field"),
    Relation("domain_region_member", "-r", "domain_region", "what is said in this region"),
    Relation("domain_usage_member", "-u", "domain_usage", "an example of this kind of usage"),
]  # fmt: skip
ABOUT_WORDS = [  # relations of statements about words, and of the qualifiers that name them
    Relation("verb_frame", "", None, "a sentence that the verb fits into; number: WordNet's of the frame"),
    Relation("verb_sentence", "", None, "an example sentence for one verb; number: WordNet's of it"),
    Relation("adjective_position", "", None, "a: before a noun; p: predicate; ip: right after a noun"),
    Relation("source_word", "", None, "the word that is meant: its place in the synset, from 1"),
    Relation("target_word", "", None, "the word it leads to: its place in its synset, from 1"),
    Relation("source_sense", "", None, "the sense key of the source word"),
    Relation("target_sense", "", None, "the sense key of the target word"),
]

# Synsets, and the sum of their offsets, in data.noun, .verb, .adj, .adv as Princeton published them. The
# sum tells a data file that was made anew: the same synsets in it lie at other places.
RELEASES = {
    "3.0": {"noun": (82_115, 624_952_780_983), "verb": (13_767, 19_154_422_815),
            "adj": (18_156, 29_620_964_889), "adv": (3_621, 964_192_337)},
    "3.1": {"noun": (82_192, 626_572_729_684), "verb": (13_789, 19_227_922_772),
            "adj": (18_185, 29_784_880_686), "adv": (3_625, 973_045_469)},
}  # fmt: skip


def release(found: dict[str, tuple[int, int]]) -> tuple[str, str | None]:
    """Name the release that data files are of, and what to be warned of."""
    for name, known in RELEASES.items():
        if found == known:
            return name, None
        if all(found[part][0] == count for part, (count, _) in known.items()):
            return f"{name}, other offsets", (
                f"these are the synsets of WordNet {name}, but not at Princeton's offsets (as in Debian's "
                f"wordnet-base): their ids are not those of {name}; sense keys are"
            )
    return "unknown", (
        f"not WordNet {' or '.join(RELEASES)} as Princeton published them: ids are offsets and differ from "
        "release to release; join with other data on sense keys"
    )

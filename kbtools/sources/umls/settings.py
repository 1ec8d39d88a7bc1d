"""What can be asked of a release of the UMLS."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to read of a release."""

    langs: tuple[str, ...] = field(
        default=("en",),
        metadata={"help": "Languages of names and definitions, first choice first; 'all' is allowed."},
    )
    sab: tuple[str, ...] = field(
        default=(), metadata={"help": "Vocabularies to read (MSH,SNOMEDCT_US); all if none is given."}
    )
    tty: tuple[str, ...] = field(
        default=(), metadata={"help": "Term types to read (PT,SY); all if none is given."}
    )
    types: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Semantic types (T047) or groups (DISO,CHEM) of concepts; all if none is given."},
    )
    suppress: tuple[str, ...] = field(
        default=("O", "E", "Y"),
        metadata={"help": "Rows with these SUPPRESS flags are left out; 'none' keeps all."},
    )
    outdated: bool = field(
        default=False, metadata={"help": "Keep vocabularies of which MRSAB has no current version."}
    )
    max_srl: int | None = field(
        default=None,
        metadata={"help": "Only vocabularies restricted this far at most (MRSAB); 0 may be passed on."},
    )
    qualifiers: tuple[str, ...] = field(
        default=("SAB",),
        metadata={"help": "Columns of MRREL that become qualifiers (SAB,RG,AUI1,AUI2); 'none' for none."},
    )
    self_relations: bool = field(
        default=False, metadata={"help": "Keep relations between names of one concept."}
    )

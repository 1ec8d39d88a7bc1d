"""What the UMLS calls things: columns of its files, languages, semantic groups, levels of restriction."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from kbtools.errors import ConfigError

COLUMNS = {  # of releases without MRFILES.RRF
    "MRCONSO": "CUI LAT TS LUI STT SUI ISPREF AUI SAUI SCUI SDUI SAB TTY CODE STR SRL SUPPRESS CVF",
    "MRSTY": "CUI TUI STN STY ATUI CVF",
    "MRREL": "CUI1 AUI1 STYPE1 REL CUI2 AUI2 STYPE2 RELA RUI SRUI SAB SL RG DIR SUPPRESS CVF",
    "MRDEF": "CUI AUI ATUI SATUI SAB DEF SUPPRESS CVF",
    "MRRANK": "RANK SAB TTY SUPPRESS",
    "MRCUI": "CUI1 VER REL RELA MAPREASON CUI2 MAPIN",
    "MRDOC": "DOCKEY VALUE TYPE EXPL",
    "MRSAB": "VCUI RCUI VSAB RSAB SON SF SVER VSTART VEND IMETA RMETA SLC SCC SRL TFR CFR CXTY TTYL ATNL "
    "LAT CENC CURVER SABIN SSN SCIT",
    "SRDEF": "RT UI NAME NUMBER DEF EX UN NH ABR RIN",
    "SRSTR": "NAME1 RL NAME2 LS",
}

WANTED = {  # columns that the readers cannot do without
    "MRCONSO": "CUI LAT TS STT ISPREF AUI SCUI SDUI SAB TTY CODE STR SUPPRESS",
    "MRSTY": "CUI TUI STY",
    "MRREL": "CUI1 AUI1 REL CUI2 AUI2 RELA RUI SRUI SAB SL RG DIR SUPPRESS",
    "MRDEF": "CUI SAB DEF SUPPRESS",
    "MRRANK": "RANK SAB TTY",
    "MRCUI": "CUI1 REL CUI2",
    "MRDOC": "DOCKEY VALUE TYPE EXPL",
    "MRSAB": "RSAB SON SVER SRL LAT CURVER SCIT",
    "SRDEF": "RT UI NAME NUMBER DEF ABR RIN",
    "SRSTR": "NAME1 RL NAME2 LS",
}

QUALIFIERS = ("SAB", "SL", "AUI1", "AUI2", "RUI", "SRUI", "RG", "DIR")  # columns of MRREL

LANGUAGES = {  # ISO 639-1 -> LAT
    "ar": "ARA", "cs": "CZE", "da": "DAN", "de": "GER", "el": "GRE", "en": "ENG", "es": "SPA", "et": "EST",
    "eu": "BAQ", "fi": "FIN", "fr": "FRE", "he": "HEB", "hr": "SCR", "hu": "HUN", "it": "ITA", "ja": "JPN",
    "ko": "KOR", "lv": "LAV", "nl": "DUT", "no": "NOR", "pl": "POL", "pt": "POR", "ru": "RUS", "sv": "SWE",
    "tr": "TUR", "uk": "UKR", "zh": "CHI",
}  # fmt: skip
ISO = {lat: iso for iso, lat in LANGUAGES.items()}

GROUPS = {  # semantic group -> semantic types, those of earlier releases included
    "ACTI": "T051 T052 T053 T054 T055 T056 T057 T064 T066",
    "ANAT": "T017 T018 T021 T022 T023 T024 T025 T026 T029 T030 T031",
    "CHEM": "T103 T104 T109 T110 T111 T114 T115 T116 T118 T119 T120 T121 T122 T123 T124 T125 T126 T127 T129 "
    "T130 T131 T192 T195 T196 T197 T200",
    "CONC": "T077 T078 T079 T080 T081 T082 T089 T102 T169 T170 T171 T185",
    "DEVI": "T074 T075 T203",
    "DISO": "T019 T020 T033 T037 T046 T047 T048 T049 T050 T184 T190 T191",
    "GENE": "T028 T085 T086 T087 T088",
    "GEOG": "T083",
    "LIVB": "T001 T002 T003 T004 T005 T006 T007 T008 T009 T010 T011 T012 T013 T014 T015 T016 T096 T097 T098 "
    "T099 T100 T101 T194 T204",
    "OBJC": "T071 T072 T073 T167 T168",
    "OCCU": "T090 T091",
    "ORGA": "T092 T093 T094 T095",
    "PHEN": "T034 T038 T067 T068 T069 T070",
    "PHYS": "T032 T039 T040 T041 T042 T043 T044 T045 T201",
    "PROC": "T058 T059 T060 T061 T062 T063 T065",
}

TYPES = {tui for group in GROUPS.values() for tui in group.split()}

# How far a vocabulary is restricted (SRL), as the licence numbers it: 0 no further than the licence; 1
# forbids translating it and deriving works from it alone; 2 also using it in applications; 3 any use but
# research; 4 is 3 with leave for the United States; 9 is SNOMED CT, free in member countries.
REDISTRIBUTE = {"0": "yes", "1": "ask", "2": "no", "3": "no", "4": "no", "9": "ask"}


def latin(langs: Sequence[str]) -> list[str] | None:
    """Return the LAT codes of languages, first choice first; None for all.

    >>> latin(["en", "zh", "SPA"])
    ['ENG', 'CHI', 'SPA']
    """
    if "all" in langs:
        return None
    if not langs:
        raise ConfigError("umls: langs is empty; name languages such as en,zh, or 'all'")
    found = []
    for lang in langs:
        code = LANGUAGES.get(lang.lower(), lang.upper())
        if code not in ISO:
            raise ConfigError(f"umls: langs: no language {lang!r}; there are all, {', '.join(LANGUAGES)}")
        found.append(code)
    return list(dict.fromkeys(found))


def semantic_types(names: Sequence[str]) -> list[str]:
    """Return the TUIs of semantic types and groups.

    >>> semantic_types(["T047", "ORGA"])
    ['T047', 'T092', 'T093', 'T094', 'T095']
    """
    found = []
    for name in names:
        group = GROUPS.get(name.upper())
        if group is None and not (len(name) == 4 and name[0] in "Tt" and name[1:].isdecimal()):
            near = get_close_matches(name.upper(), [*GROUPS, *sorted(TYPES)], n=1)
            hint = f"did you mean {near[0]}?" if near else f"groups are {', '.join(GROUPS)}"
            raise ConfigError(f"umls: types: {name!r} is neither a TUI such as T047 nor a group; {hint}")
        found += group.split() if group else [name.upper()]
    return sorted(set(found))

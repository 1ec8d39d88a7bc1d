from tests.tiny_umls import Staged, atom, relation, sab, write

SABS = [
    sab("MTH"), sab("MSH"), sab("SNOMEDCT_US", "9"), sab("CPT", "4"), sab("ICPC", "1"), sab("ODD", "x"),
    sab("MSHSPA", "3", "SPA"), sab("OLD", "0", current="N"), sab("MSH", "3", current="N"),
]  # fmt: skip
NAMES = [
    atom("C0000001", "fever", SAB="MSH"),
    atom("C0000002", "office visit", SAB="CPT"),
    atom("C0000003", "fiebre", SAB="MSHSPA", LAT="SPA"),
    atom("C0000004", "unheard of", SAB="ELSEWHERE"),
]
DEFINITIONS = [
    "C0000001|A1|AT1||MSH|Body heat above the usual.|N||",
    "C0000001|A1|AT2||MSHSPA|Calor del cuerpo.|N||",
    "C0000001|A1|AT3||CPT|Old.|O||",
]


def concepts(found):
    return [name for name in found.labels() if name[0] == "C"]


def test_each_vocabulary_brings_its_own_licence(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=NAMES, MRSAB=SABS)
    english = Staged(folder, tmp_path)
    terms = {licence.source: (licence.level, licence.redistribute) for licence in english.reading.licences}
    assert terms == {
        "UMLS MTH 2026": ("0", "yes"), "UMLS MSH 2026": ("0", "yes"), "UMLS SNOMEDCT_US 2026": ("9", "ask"),
        "UMLS CPT 2026": ("4", "no"), "UMLS ICPC 2026": ("1", "ask"), "UMLS ODD 2026": ("x", "ask"),
    }  # fmt: skip
    assert english.reading.licences[1].attribution == "Cite MSH."
    one = Staged(folder, tmp_path, sab=("CPT",))
    assert [licence.source for licence in one.reading.licences] == ["UMLS CPT 2026"]
    assert concepts(one) == ["C0000002"]


def test_a_shareable_subset_holds_nothing_of_a_restricted_vocabulary(tmp_path):
    relations = [relation("C0000001", "RO", "C0000002", sab="CPT"), relation("C0000001", "RO", "C0000003")]
    folder = write(tmp_path / "r", MRCONSO=NAMES, MRSAB=SABS, MRREL=relations, MRDEF=DEFINITIONS)
    found = Staged(folder, tmp_path, max_srl=0, langs=("all",))
    assert concepts(found) == ["C0000001"]
    assert found.pairs("triples", "entity") == ["C0000003"]  # which is not there: naming leaves it out
    assert found.pairs("descriptions", "source") == ["MSH"]
    assert {licence.redistribute for licence in found.reading.licences} == {"yes"}
    assert concepts(Staged(folder, tmp_path, max_srl=4, langs=("all",))) == [
        "C0000001", "C0000002", "C0000003",
    ]  # fmt: skip


def test_definitions_are_in_the_language_of_their_vocabulary(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=NAMES, MRSAB=SABS, MRDEF=DEFINITIONS)
    both = Staged(folder, tmp_path, langs=("en", "es"))
    assert both.pairs("descriptions", "lang", "kind", "text", "source") == [
        ("en", "definition", "Body heat above the usual.", "MSH"),
        ("es", "definition", "Calor del cuerpo.", "MSHSPA"),
    ]
    assert Staged(folder, tmp_path).pairs("descriptions", "lang") == ["en"]


def test_languages_are_those_of_names_and_definitions_not_of_relations(tmp_path):
    names = [*NAMES, atom("C0000005", "口渴", SAB="MSHCHI", LAT="CHI"), atom("C0000006", "热", LAT="CHI")]
    relations = [
        relation("C0000005", "RO", "C0000006"),
        relation("C0000005", "RB", "C0000006", sab="MSHSPA"),
        relation("C0000005", "RN", "C0000006", sab="OLD"),
    ]
    types = ["C0000005|T184|A|Sign|AT||"]
    retired = ["C0000009|2020AA|SY|||C0000005|Y|"]
    tables = {"MRREL": relations, "MRSTY": types, "MRCUI": retired, "MRDEF": DEFINITIONS}
    folder = write(tmp_path / "r", MRCONSO=names, MRSAB=[*SABS, sab("MSHCHI", "0", "CHI")], **tables)
    found = Staged(folder, tmp_path, langs=("zh",))
    assert concepts(found) == ["C0000005", "C0000006"]
    assert found.pairs("triples", "relation") == ["RO", "RB"]
    assert found.pairs("types", "entity") == ["C0000005"]
    assert found.pairs("redirects", "from_id") == ["C0000009"]
    assert found.pairs("descriptions", "text") == []
    assert found.counts["skipped: MRREL, outdated vocabularies"] == 1
    terms = {licence.source for licence in found.reading.licences}
    assert {"UMLS MSH 2026", "UMLS MSHSPA 2026", "UMLS MSHCHI 2026"} <= terms  # their relations are read
    only = Staged(folder, tmp_path, langs=("zh",), sab=("MSHSPA", "MSHCHI"))
    assert only.pairs("triples", "relation") == ["RB"]
    assert Staged(folder, tmp_path, langs=("zh",), max_srl=0).pairs("triples", "relation") == ["RO"]


def test_the_network_gives_types_their_names_and_places(tmp_path):
    definitions = [
        "STY|T051|Event|B|What happens.||NULL||evnt||",
        "STY|T052|Activity|B1|What is done.||NULL||acty||",
        "RL|T186|isa|H|A kind of.||||IS|inverse_isa|",
        "RL|T154|treats|R3.1.2|Heals.||||TS|treated_by|",
        "XX|T1|odd|Z|||||||",
    ]
    structure = [
        "Activity|isa|Event|D|", "Event|isa||D|", "treats|isa|isa|D|", "Activity|treats|Event|B|",
        "Activity|treats|Activity|DNI|", "Activity|isa|Nothing|D|",
    ]  # fmt: skip
    types = ["C0000001|T052|B1|Activity|AT||", "C0000001|T999|X|Later Type|AT||"]
    documents = [
        "RELA|may_treat|expanded_form|May treat|", "RELA|may_treat|rela_inverse|may_be_treated_by|",
        "ATN|odd|expanded_form|x|",
    ]  # fmt: skip
    folder = write(tmp_path / "r" / "META", MRCONSO=NAMES[:1], MRSTY=types, MRDOC=documents)
    crlf = [line + "\r" for line in structure]
    write(tmp_path / "r" / "NET", SRDEF=definitions, SRSTR=crlf)
    found = Staged(folder, tmp_path)
    assert {name: label for name, label in found.labels().items() if name[0] == "T"} == {
        "T051": "Event", "T052": "Activity", "T999": "Later Type",
    }  # fmt: skip
    assert found.pairs("triples", "entity", "relation", "tail") == [
        ("T052", "isa", "T051"), ("T052", "treats", "T052"),
    ]  # fmt: skip
    assert ("T052", "STN", "B1") in found.pairs("xref", "entity", "scheme", "value")
    assert ("T051", "What happens.") in found.pairs("descriptions", "entity", "text")
    assert set(found.pairs("relations", "relation", "inverse")) >= {
        ("isa", "inverse_isa"), ("may_treat", "may_be_treated_by"),
    }  # fmt: skip
    assert sorted(found.pairs("rejects", "file", "line", "reason")) == [
        ("SRDEF", 4, "neither STY nor RL"), ("SRSTR", 5, "no such semantic type"),
    ]  # fmt: skip
    assert found.counts["skipped: SRSTR, blocked"] == found.counts["skipped: SRSTR, between relations"] == 1

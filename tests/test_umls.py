import bz2
import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny_umls import Staged, atom, relation, sab, write


def test_each_name_is_a_surface_under_its_atom(tmp_path):
    rows = [
        atom("C0000001", "Fever", "A1", SAB="MSH", CODE="D005334", SCUI="M0008359", SDUI="D005334"),
        atom("C0000001", 'Pyrexia "high" \'NOS', "A2", TS="S", SAB="SNOMEDCT_US", CODE="386661006"),
        atom("C0000001", "发热", "A3", LAT="CHI", SAB="MSHCHI", CODE="D005334"),
        atom("C0000002", "Quoted, \\ text", "A4", SAB="MTH", CODE="NOCODE"),
    ]
    found = Staged(write(tmp_path / "r", MRCONSO=rows), tmp_path, langs=("en", "zh"))
    assert found.pairs("surfaces", "entity", "text", "lang", "source", "atom", "count") == [
        ("C0000001", "Fever", "en", "name", "A1", None),
        ("C0000001", 'Pyrexia "high" \'NOS', "en", "term", "A2", None),
        ("C0000001", "发热", "zh", "name", "A3", None),
        ("C0000002", "Quoted, \\ text", "en", "name", "A4", None),
    ]
    assert found.pairs("entities", "entity", "kind", "label", "lang") == [
        ("C0000001", "concept", "Fever", "en"),
        ("C0000002", "concept", "Quoted, \\ text", "en"),
    ]
    assert found.pairs("labels", "entity", "lang", "text") == [
        ("C0000001", "en", "Fever"), ("C0000001", "zh", "发热"), ("C0000002", "en", "Quoted, \\ text"),
    ]  # fmt: skip
    assert set(found.pairs("xref", "entity", "scheme", "value")) == {
        ("C0000001", "MSH", "D005334"), ("C0000001", "MSH/SCUI", "M0008359"),
        ("C0000001", "SNOMEDCT_US", "386661006"), ("C0000001", "MSHCHI", "D005334"),
    }  # fmt: skip


def test_the_ranks_of_vocabularies_name_a_concept_not_the_order_of_rows(tmp_path):
    rows = [
        atom("C0000001", "by TS alone", "A1", SAB="ICD10", TTY="PT"),
        atom("C0000001", "ranked first", "A2", SAB="MSH", TTY="MH", TS="S", STT="VO", ISPREF="N"),
        atom("C0000001", "ranked first, form", "A3", SAB="MSH", TTY="MH", TS="S", ISPREF="N"),
        atom("C0000001", "no rank", "A4", SAB="XYZ", TTY="PT"),
    ]
    ranks = ["0002|MSH|MH|N|", "0001|ICD10|PT|N|"]
    ranked = Staged(write(tmp_path / "a", MRCONSO=rows, MRRANK=ranks), tmp_path)
    assert ranked.labels() == {"C0000001": "ranked first, form"}
    plain = Staged(write(tmp_path / "b", MRCONSO=rows), tmp_path)
    assert plain.labels() == {"C0000001": "by TS alone"}
    assert any("MRRANK" in line for line in plain.reading.notes["warnings"])


def test_the_first_language_names_a_concept_and_a_suppressed_name_only_if_there_is_no_other(tmp_path):
    rows = [
        atom("C0000001", "fiebre", "A1", LAT="SPA"),
        atom("C0000001", "fever", "A2"),
        atom("C0000002", "old", "A3", SUPPRESS="O"),
        atom("C0000002", "new", "A4", TS="S"),
        atom("C0000003", "gone", "A5", SUPPRESS="Y"),
    ]
    folder = write(tmp_path / "r", MRCONSO=rows)
    both = Staged(folder, tmp_path, langs=("es", "en"), suppress=("none",))
    assert both.labels() == {"C0000001": "fiebre", "C0000002": "new", "C0000003": "gone"}
    other = Staged(folder, tmp_path, langs=("all",))
    assert other.labels() == {"C0000001": "fever", "C0000002": "new"}


def test_obsolete_and_suppressed_names_are_left_out_unless_asked_for(tmp_path):
    rows = [atom(f"C000000{n}", f"name {n}", SUPPRESS=flag) for n, flag in enumerate("NOYE")]
    folder = write(tmp_path / "r", MRCONSO=rows)
    found = Staged(folder, tmp_path)
    assert found.pairs("surfaces", "text") == ["name 0"]
    assert found.pairs("entities", "entity") == ["C0000000"]
    assert found.counts["skipped: MRCONSO, suppressed"] == 3
    some = Staged(folder, tmp_path, suppress=("O",))
    assert some.pairs("surfaces", "text") == ["name 0", "name 2", "name 3"]


def test_a_vocabulary_without_a_current_version_is_left_out(tmp_path):
    rows = [atom("C0000001", "one"), atom("C0000002", "two", SAB="ICD9")]
    folder = write(tmp_path / "r", MRCONSO=rows, MRSAB=[sab("MSH"), sab("ICD9", current="N")])
    assert list(Staged(folder, tmp_path).labels()) == ["C0000001"]
    assert list(Staged(folder, tmp_path, outdated=True).labels()) == ["C0000001", "C0000002"]


def test_the_second_concept_has_the_relation_to_the_first(tmp_path):
    rows = [
        relation("C0000001", "CHD", "C0000002", "isa"),  # 2 is a kind of 1
        relation("C0000002", "PAR", "C0000001", "inverse_isa"),
        relation("C0000001", "RO", "C0000003", sab="SNOMEDCT_US"),  # no RELA: REL
        relation("C0000001", "SY", "C0000001", "alias_of"),  # between its names
        relation("C0000001", "RB", "C0000003", suppress="O"),
    ]
    names = [atom(f"C000000{n}", f"name {n}") for n in (1, 2, 3)]
    folder = write(tmp_path / "r", MRCONSO=names, MRREL=rows)
    found = Staged(folder, tmp_path)
    assert found.pairs("triples", "entity", "relation", "tail", "statement") == [
        ("C0000002", "isa", "C0000001", 0),
        ("C0000001", "inverse_isa", "C0000002", 1),
        ("C0000003", "RO", "C0000001", 2),
    ]
    assert found.pairs("qualifiers", "entity", "statement", "relation", "value") == [
        ("C0000002", 0, "SAB", "MSH"), ("C0000001", 1, "SAB", "MSH"), ("C0000003", 2, "SAB", "SNOMEDCT_US"),
    ]  # fmt: skip
    assert found.counts["skipped: MRREL, between names of one concept"] == 1
    assert found.counts["skipped: MRREL, suppressed"] == 1
    more = Staged(folder, tmp_path, self_relations=True, qualifiers=("AUI1",), sab=("MSH",))
    assert more.pairs("triples", "relation") == ["isa", "inverse_isa", "alias_of"]
    assert set(more.pairs("qualifiers", "relation", "value")) == {("AUI1", "A1")}
    assert "qualifiers" in Staged(folder, tmp_path, qualifiers=("none",)).reading.without


def test_only_synonyms_of_retired_concepts_are_redirects(tmp_path):
    rows = [
        "C0000009|2020AA|SY|||C0000001|Y|", "C0000008|2020AA|RO|||C0000001|Y|", "C0000007|2020AA|DEL|||||",
        "C0000006|2020AA|SY|||C0000009|Y|",
    ]  # fmt: skip
    found = Staged(write(tmp_path / "r", MRCONSO=[atom("C0000001", "one")], MRCUI=rows), tmp_path)
    assert found.pairs("redirects", "from_id", "to", "kind") == [
        ("C0000009", "C0000001", "merge"), ("C0000006", "C0000009", "merge"),
    ]  # fmt: skip
    assert (
        found.counts["skipped: MRCUI, RO and not SY"] == found.counts["skipped: MRCUI, DEL and not SY"] == 1
    )


def test_a_concept_without_a_semantic_type_and_one_with_nothing_else(tmp_path):
    """A missing row of MRSTY broke one program's look-up; a name that was filtered out is no missing name."""
    names = [atom("C0000001", "untyped"), atom("C0000002", "typed"), atom("C0000003", "x", LAT="GER")]
    types = [
        f"C000000{n}|T047|B2.2.1.2.1|Disease or Syndrome|AT1|{cvf}|"
        for n, cvf in ((2, 256), (3, ""), (4, ""))
    ]
    folder = write(tmp_path / "r", MRCONSO=names, MRSTY=types, MRSAB=[sab("MSH")])
    found = Staged(folder, tmp_path)
    assert found.labels() == {
        "C0000001": "untyped", "C0000002": "typed", "C0000004": None, "T047": "Disease or Syndrome",
    }  # fmt: skip
    assert found.notes == {"concepts without a name": 1}
    assert ("C0000002", "T047") in found.pairs("types", "entity", "type")
    assert "C0000004" not in Staged(folder, tmp_path, max_srl=0).labels()


def test_content_view_flags_have_no_say_in_what_belongs_together(tmp_path):
    """One program joins MRCONSO and MRSTY on all columns they share, and loses what differs in CVF."""
    names = [atom("C0000001", "one", CVF="256"), atom("C0000002", "two")]
    types = ["C0000001|T047|B|Disease or Syndrome|AT1||", "C0000002|T033|A|Finding|AT2|512|"]
    found = Staged(write(tmp_path / "r", MRCONSO=names, MRSTY=types), tmp_path, types=("DISO",))
    assert found.pairs("types", "entity", "type") == [("C0000001", "T047"), ("C0000002", "T033")]
    assert {"C0000001", "C0000002"} <= found.labels().keys()


words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|"), min_size=1, max_size=5
)
atoms = st.fixed_dictionaries(
    {
        "cui": st.sampled_from(["C0000001", "C0000002", "CL123456", "CL1234567"]),
        "text": words,
        "LAT": st.sampled_from(["ENG", "SPA", "XYZ"]),
        "TS": st.sampled_from("PS"),
        "STT": st.sampled_from(["PF", "VO"]),
        "ISPREF": st.sampled_from("YN"),
        "SAB": st.sampled_from(["MSH", "ICD10", "SNOMEDCT_US"]),
        "TTY": st.sampled_from(["PT", "SY"]),
        "SUPPRESS": st.sampled_from("NNNOYE"),
    }
)
RANKS = {("MSH", "PT"): 3, ("ICD10", "PT"): 2, ("MSH", "SY"): 1}


@settings(max_examples=60)
@given(
    rows=st.lists(atoms, min_size=1, max_size=25),
    sabs=st.sampled_from([(), ("MSH",), ("ICD10", "MSH")]),
    tty=st.sampled_from([(), ("PT",)]),
    types=st.sampled_from([(), ("T047",), ("T047", "T033")]),
    size=st.integers(60, 2000),
)
def test_whatever_the_rows_the_slow_reader_finds_the_same(rows, sabs, tty, types, size):
    typed = {"C0000001": "T047", "CL123456": "T033"}
    kept = [
        row | {"place": place}
        for place, row in enumerate(rows)
        if row["SUPPRESS"] == "N" and row["LAT"] in {"ENG", "SPA"} and row["SAB"] in (sabs or row["SAB"])
        if row["TTY"] in (tty or row["TTY"]) and (not types or typed.get(row["cui"]) in types)
    ]

    def order(row):
        rank = RANKS.get((row["SAB"], row["TTY"]), 0)
        flags = (row["TS"] != "P", row["STT"] != "PF", row["ISPREF"] != "Y")
        return row["LAT"] != "SPA", -rank, *flags, row["place"]

    labels: dict[str, str] = {}
    for row in sorted(kept, key=order):
        labels.setdefault(row["cui"], row["text"])
    with tempfile.TemporaryDirectory() as name:
        lines = [atom(aui=f"A{n}", **row) for n, row in enumerate(rows)]
        sty = [f"{cui}|{tui}|X|Type {tui}|AT||" for cui, tui in typed.items()]
        ranks = [f"{rank:04}|{one}|{two}|N|" for (one, two), rank in RANKS.items()]
        folder = write(Path(name) / "r", MRCONSO=lines, MRSTY=sty, MRRANK=ranks)
        asked = {"langs": ("es", "en"), "sab": sabs, "tty": tty, "types": types}
        found = Staged(folder, Path(name), size=size, **asked)
    assert found.counts["read: MRCONSO"] == len(rows)
    left = sum(count for what, count in found.counts.items() if what.startswith("skipped: MRCONSO"))
    assert left == len(rows) - len(kept)
    assert {cui: label for cui, label in found.labels().items() if label and cui[0] == "C"} == labels
    assert found.pairs("surfaces", "text", "atom") == [(row["text"], f"A{row['place']}") for row in kept]


def compressed(data, container):
    return {"": data, ".gz": gzip.compress(data, mtime=0), ".bz2": bz2.compress(data)}[container]


@pytest.mark.parametrize("container", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("cut", [0, 17, None])
def test_a_file_split_anywhere_is_read_as_one(tmp_path, container, cut):
    rows = [atom(f"C{n:07}", f"name {n}", f"A{n}") for n in range(40)]
    data = "".join(row + "\n" for row in rows).encode()
    whole = Staged(write(tmp_path / "whole", MRCONSO=rows), tmp_path)
    at = data.index(b"C0000020") + cut if cut is not None else len(data) - 1
    folder = tmp_path / "parts"
    folder.mkdir()
    for suffix, part in (("aa", data[:at]), ("ab", data[at:])):
        (folder / f"MRCONSO.RRF.{suffix}{container}").write_bytes(compressed(part, container))
    found = Staged(folder, tmp_path)
    assert found.rows == whole.rows
    assert found.counts == whole.counts

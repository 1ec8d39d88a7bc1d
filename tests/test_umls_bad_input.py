import gzip
import subprocess
import sys

import pytest

from kbtools.errors import ConfigError, KbError, SourceError
from kbtools.sources.umls import SOURCE, Settings, codes
from tests.tiny_umls import Staged, atom, relation, sab, write

GOOD = [atom("C0000001", "one", "A1"), atom("C0000002", "two", "A2")]


def refused(*dumps, **settings):
    with pytest.raises(KbError) as caught:
        SOURCE.plan([str(path) for path in dumps], Settings(**settings))
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_wrong_folder_says_what_is_missing(tmp_path):
    assert "no such folder" in refused(tmp_path / "nowhere")
    assert "no MRCONSO.RRF here" in refused(tmp_path)
    (tmp_path / "readme.txt").write_text("x")
    assert "readme.txt" in refused(tmp_path)
    assert "not a folder" in refused(tmp_path / "readme.txt")
    assert "not a folder" in refused("-")
    (tmp_path / "2026aa-1-meta.nlm").write_text("x")
    assert "MetamorphoSys" in refused(tmp_path)
    write(tmp_path / "below", MRCONSO=GOOD)
    (tmp_path / "2026aa-1-meta.nlm").unlink()
    assert f"did you mean {tmp_path / 'below'}?" in refused(tmp_path)
    assert "more than one" in refused(tmp_path / "below", tmp_path)


def test_the_folder_above_meta_will_do(tmp_path):
    write(tmp_path / "META", MRCONSO=GOOD)
    assert list(Staged(tmp_path, tmp_path).labels()) == ["C0000001", "C0000002"]


def test_an_empty_file_is_as_good_as_none_if_it_is_not_needed(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRDEF=[], MRSTY=[])
    assert {"MRDEF.RRF is empty", "MRSTY.RRF is empty"} <= {
        *Staged(folder, tmp_path).reading.notes["warnings"]
    }
    assert "no MRCONSO.RRF" in refused(write(tmp_path / "s", MRCONSO=[]))


def test_bad_rows_are_rejected_and_the_rest_is_read(tmp_path):
    rows = [
        atom("C0000001", "one", "A1"),
        atom("C0000002", "short", "A2").removesuffix("|N||"),
        atom("C0000003", "long", "A3") + "more|",
        atom("C0000004", "nul \0 byte", "A4"),
        atom("", "no concept", "A5"),
        atom("C0000005", "", "A6"),
    ]
    data = (
        "".join(row + "\n" for row in rows).encode() + atom("C0000006", "caf\xe9").encode("latin-1") + b"\n"
    )
    data += b"\n" + atom("C0000007", "last").encode() + b"\r\n"
    found = Staged(write(tmp_path / "r", MRCONSO=data), tmp_path)
    assert list(found.labels()) == ["C0000001", "C0000007"]
    reasons = dict(found.pairs("rejects", "line", "reason"))
    assert all(reasons.pop(line).endswith(" fields instead of 18") for line in (1, 2))
    assert reasons == {3: "NUL byte", 4: "no CUI", 5: "no string", 6: "not UTF-8"}
    assert found.counts["read"] == 8
    assert "no concept" in next(row["snippet"] for row in found.rows["rejects"] if row["line"] == 4)


def test_other_tables_reject_what_names_nothing(tmp_path):
    folder = write(
        tmp_path / "r",
        MRCONSO=GOOD,
        MRREL=[relation("C0000001", "", "C0000002"), relation("", "RO", "C0000001")],
        MRDEF=["C0000001|A1|AT||MSH||N||", "|A1|AT||MSH|text|N||", "too short|"],
        MRSTY=["C0000001||A|Finding|AT||"],
        MRCUI=["|2020AA|SY|||C0000001|Y|"],
    )
    found = Staged(folder, tmp_path)
    assert found.counts["rejected"] == len(found.rows["rejects"]) == 7
    assert not found.rows["triples"]
    assert not found.rows["descriptions"]


def test_a_file_without_a_last_line_end_and_with_a_byte_order_mark(tmp_path):
    data = b"\xef\xbb\xbf" + "\n".join(GOOD).encode()
    assert list(Staged(write(tmp_path / "r", MRCONSO=data), tmp_path).labels()) == ["C0000001", "C0000002"]


@pytest.mark.parametrize("name", ["MRCONSO.RRF.gz", "MRCONSO.RRF.ab.gz"])
def test_a_container_that_breaks_off_gives_what_it_can_and_says_so(tmp_path, name):
    folder = tmp_path / "r"
    folder.mkdir()
    rows = "".join(atom(f"C{n:07}", f"name {n * 7919}", f"A{n}") + "\n" for n in range(3000)).encode()
    (folder / name).write_bytes(gzip.compress(rows)[:-2000])
    if ".ab." in name:
        (folder / "MRCONSO.RRF.aa.gz").write_bytes(gzip.compress(atom("C9999999", "first").encode()))
    found = Staged(folder, tmp_path)
    assert len(found.damage) == 1
    assert 100 < len(found.labels()) < 3000


def test_a_missing_part_is_noticed(tmp_path):
    for suffix in ("aa", "ac"):
        (tmp_path / f"MRCONSO.RRF.{suffix}").write_text(GOOD[0] + "\n")
    assert "part .ab should stand before it" in refused(tmp_path)


def test_of_two_copies_one_is_read_and_the_other_named(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=GOOD)
    (folder / "MRCONSO.RRF.gz").write_bytes(gzip.compress(b"x"))
    found = Staged(folder, tmp_path)
    assert len(found.labels()) == 2
    assert "MRCONSO.RRF is read, not MRCONSO.RRF.gz" in found.reading.notes["warnings"]


def test_the_order_of_columns_is_that_of_the_table_of_files(tmp_path):
    columns = codes.COLUMNS["MRSTY"].split()
    turned = ",".join(columns[::-1])
    row = "|".join(["C0000001", "T047", "B", "Disease", "AT", ""][::-1])
    files = [f"MRSTY.RRF|Types|{turned}|6|1|1|"]
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRSTY=[row + "|"], MRFILES=files)
    assert Staged(folder, tmp_path).pairs("types", "entity", "type") == [("C0000001", "T047")]


def test_a_table_of_files_that_does_not_fit_is_refused(tmp_path):
    standard = ",".join(codes.COLUMNS["MRCONSO"].split())
    short = write(tmp_path / "a", MRCONSO=GOOD, MRFILES=[f"MRCONSO.RRF|x|{standard[:-4]}|17|1|1|"])
    message = refused(short)
    assert "18 fields" in message
    assert "MRFILES.RRF 17 columns" in message
    lacking = standard.replace("SUPPRESS", "OTHER")
    message = refused(write(tmp_path / "b", MRCONSO=GOOD, MRFILES=[f"MRCONSO.RRF|x|{lacking}|18|1|1|"]))
    assert "no column SUPPRESS" in message
    listed = [f"{name}|x||1|1|1|MRCONSO.RRF|char|" for name in standard.split(",")[:-1]]
    assert "CVF" in refused(write(tmp_path / "c", MRCONSO=GOOD, MRCOLS=listed))
    assert "first line has 17" in refused(write(tmp_path / "d", MRCONSO=[row[:-1] for row in GOOD]))


def test_settings_that_make_no_sense_are_refused_with_a_hint(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRSTY=["C1|T1|A|x|y||"], MRSAB=[sab("MSH"), sab("X", "3")])
    assert "did you mean DISO" in refused(folder, types=("DISOO",))
    assert "no language 'klingon'" in refused(folder, langs=("klingon",))
    assert "did you mean MSH?" in refused(folder, sab=("MSHH",))
    assert "MRSAB.RRF has no 'qqq'; it has MSH, X" in refused(folder, sab=("qqq",))
    assert "MRSTY.RRF has no 'T998'" in refused(folder, types=("T998",))
    assert "did you mean T047?" in refused(folder, types=("T47",))
    assert "no 'Q'" in refused(folder, suppress=("Q",))
    assert "no 'CUI'" in refused(folder, qualifiers=("CUI",))
    assert "no vocabulary is left" in refused(folder, sab=("X",), max_srl=0)
    bare = write(tmp_path / "s", MRCONSO=GOOD)
    assert "needs MRSTY" in refused(bare, types=("DISO",))
    assert "needs MRSAB" in refused(bare, max_srl=0)


def test_term_types_and_vocabularies_are_those_of_the_table_of_ranks(tmp_path):
    rows = ["0002|MSH|MH|N|", "0001|MSH|ET|N|"]
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRRANK=rows)
    assert "MRRANK.RRF has no 'MHH'; did you mean MH?" in refused(folder, tty=("ET", "MHH"))
    assert "MRRANK.RRF has no 'MSHH'; did you mean MSH?" in refused(folder, sab=("MSHH",))
    assert len(Staged(folder, tmp_path, tty=("MH",), sab=("MSH",)).labels()) == 2
    bare = write(tmp_path / "s", MRCONSO=GOOD)
    assert Staged(bare, tmp_path, tty=("MHH",)).labels() == {}  # nobody knows which there are


def test_a_semantic_type_of_a_later_release_will_do(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRSTY=["C0000001|T998|X|Later Type|AT||"])
    assert "C0000001" in Staged(folder, tmp_path, types=("T998",)).labels()


def test_a_damaged_table_of_vocabularies_is_refused(tmp_path):
    folder = write(tmp_path / "r", MRCONSO=GOOD, MRSAB=[sab("MSH"), sab("X"), "MSH|0|"])
    with pytest.raises(SourceError, match=r"MRSAB\.RRF:3: 2 fields instead of 25"):
        SOURCE.plan([str(folder)], Settings())
    folder = write(tmp_path / "s", MRCONSO=GOOD, MRSAB=sab("MSH\xe9").encode("latin-1"))
    with pytest.raises(SourceError, match=r"MRSAB\.RRF:1: not UTF-8"):
        SOURCE.plan([str(folder)], Settings())


def test_the_groups_hold_every_semantic_type_once():
    types = [tui for group in codes.GROUPS.values() for tui in group.split()]
    assert len(codes.GROUPS) == 15
    assert len(types) == len(set(types))
    assert codes.semantic_types(["diso", "T047"]) == sorted(codes.GROUPS["DISO"].split())
    with pytest.raises(ConfigError):
        codes.semantic_types(["T47"])


def test_help_needs_no_arrow():
    code = "import sys, kbtools.sources.umls; sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError
from kbtools.kb.reader import Kb, gather
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from tests import tiny_kb


@pytest.fixture
def kb(tmp_path):
    return tiny_kb.write(tmp_path / "kb", tiny_kb.world(), files=3)


@pytest.mark.parametrize("table", TABLES)
def test_a_schema_keeps_its_digest_through_a_file(tmp_path, table):
    schema = TABLES[table].schema
    pq.write_table(schema.empty_table(), tmp_path / "x.parquet")
    assert schema_digest(pq.read_schema(tmp_path / "x.parquet")) == schema_digest(schema)


def test_a_schema_digest_tells_types_names_and_nullability_apart():
    one = pa.schema([pa.field("a", pa.list_(pa.struct([pa.field("x", pa.int8())])))])
    others = [
        pa.schema([pa.field("b", one.field("a").type)]),
        pa.schema([pa.field("a", one.field("a").type, nullable=False)]),
        pa.schema([pa.field("a", pa.list_(pa.struct([pa.field("x", pa.int16())])))]),
        pa.schema([pa.field("a", pa.list_(one.field("a").type.value_type, 3))]),
    ]
    assert len({schema_digest(schema) for schema in [one, *others]}) == 5
    assert schema_digest(one.with_metadata({"k": "v"})) == schema_digest(one)


def test_reading_a_table_in_order_over_its_files(kb):
    opened = Kb(kb)
    assert opened.name == "tiny"
    assert opened.rows("triples") == 5
    assert opened.rows("pages") == 0
    assert len(opened.files("entities")) == 3
    assert opened.table("entities", ["id"])["id"].to_pylist() == tiny_kb.IDS
    batches = list(opened.scan("entities", ["label", "eid"], rows=1))
    assert [batch.num_rows for batch in batches] == [1] * 6
    assert batches[0].schema.names == ["label", "eid"]
    assert [batch["label"][0].as_py() for batch in batches] == tiny_kb.LABELS
    assert opened.table("rejects").num_rows == 0


def test_a_wrong_table_or_column_is_named_with_a_hint(kb):
    with pytest.raises(ArtefactError, match=r"no table 'triple'\. Did you mean 'triples'\?"):
        Kb(kb).table("triple")
    with pytest.raises(ArtefactError, match=r"labels has no column 'txt'\. Did you mean 'text'\?"):
        list(Kb(kb).scan("labels", ["txt"]))


def test_a_file_that_is_gone_or_damaged_is_named(kb):
    path = Kb(kb).files("labels")[1]
    path.write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(ArtefactError, match=r"00001\.parquet: damaged"):
        Kb(kb).table("labels")
    path.unlink()
    with pytest.raises(ArtefactError, match=r"00001\.parquet: gone; `kbtools verify"):
        list(Kb(kb).scan("labels"))


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.parquet", ""])
def test_a_manifest_cannot_name_files_outside_its_folder(kb, path):
    file = {"path": path, "bytes": 1, "digest": "x"}
    tiny_kb.edit_manifest(kb, tables={"labels": {"rows": 1, "files": [file], "schema": "x"}})
    with pytest.raises(ArtefactError, match="names a file outside of it"):
        Kb(kb).files("labels")


def test_overlays_find_their_base(tmp_path, kb):
    manifest = Kb(kb).manifest
    base = KbRef(name="tiny", content=manifest.content)
    over = tiny_kb.write(tmp_path / "over", {"labels": []}, base=base, name="more")
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    found = gather([over, other, kb])
    assert [(b.name, [o.name for o in b.overlays]) for b in found] == [("other", []), ("tiny", ["more"])]
    assert found[1].tables[:2] == ["entities", "labels"]


def test_bases_and_overlays_that_do_not_fit_are_refused(tmp_path, kb):
    with pytest.raises(ArtefactError, match=r"are both named 'tiny'; give one of them, or .* --name"):
        gather([kb, kb])
    content = Kb(kb).manifest.content
    over = tiny_kb.write(tmp_path / "over", {"labels": []}, base=KbRef(name="tiny", content=content))
    with pytest.raises(ArtefactError, match="lies over 'tiny': give that knowledge base too"):
        gather([over])
    with pytest.raises(ArtefactError, match="is given twice"):
        gather([kb, over, over])
    stale = tiny_kb.write(tmp_path / "stale", {"labels": []}, base=KbRef(name="tiny", content="old"))
    with pytest.raises(ArtefactError, match="another release of 'tiny'"):
        gather([kb, stale])


def test_an_overlay_fits_every_release_whose_id_space_goes_on_from_its_own(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world(), id_space=["a", "b", "c"])
    base = KbRef(name="tiny", content="earlier", id_space=["a", "b"])
    over = tiny_kb.write(tmp_path / "over", {"labels": []}, base=base)
    assert len(gather([kb, over])[0].overlays) == 1
    base = KbRef(name="tiny", content="other", id_space=["a", "x"])
    over = tiny_kb.write(tmp_path / "over2", {"labels": []}, base=base)
    with pytest.raises(ArtefactError, match="another release"):
        gather([kb, over])

from __future__ import annotations

import pytest

from kbtools import artefact
from kbtools.artefact import Input, KbRef, Licence
from kbtools.errors import ArtefactError
from kbtools.kb.overview import Overview, Top, Unfinished, describe
from tests import tiny_kb


def top(id_: str, count: int, label: str | None = None) -> Top:
    return Top(id=id_, label=label, count=count)


def test_a_knowledge_base_in_numbers(tmp_path):
    licence = Licence(source="wikidata", licence="CC0-1.0")
    dump = Input(path="dump.json.gz", kind="dump", content="x")
    counts = {"read": 9, "rejected": {"json": 2}}
    kb = tiny_kb.write(
        tmp_path / "kb",
        tiny_kb.world(),
        files=2,
        inputs=[dump],
        licences=[licence],
        counts=counts,
        incomplete=True,
    )
    found = describe(kb, rows=2)
    assert isinstance(found, Overview)
    assert (found.kind, found.name, found.incomplete) == ("kb", "tiny", True)
    assert (found.inputs, found.licences, found.counts) == ([dump], [licence], counts)
    assert {table.table: (table.rows, table.files) for table in found.tables}["triples"] == (5, 2)
    assert found.classes == [top("Q5", 1, "human"), top("Q515", 1)]
    assert found.relations == [top("P31", 3, "instance of"), top("P17", 2, "country")]
    assert found.languages == [top("en", 4), top("zh", 1)]
    samples = {sample.table: sample for sample in found.samples}
    assert samples["labels"].columns == ["eid", "lang", "text"]
    assert samples["labels"].rows == [[0, "en", "human"], [1, "en", "Douglas Adams"]]
    assert samples["rejects"].rows == []


def test_how_much_is_shown_can_be_chosen(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    found = describe(kb, rows=0, top=1)
    assert isinstance(found, Overview)
    assert found.samples == []
    assert found.relations == [top("P31", 3, "instance of")]


def test_languages_without_a_table_of_labels(tmp_path):
    found = describe(tiny_kb.write(tmp_path / "kb", {"entities": tiny_kb.world()["entities"]}))
    assert isinstance(found, Overview)
    assert found.languages == [top("en", 4), top("zh", 1)]  # the entity without a label does not count
    assert found.classes == found.relations == []


def test_an_overlay_is_shown_without_its_base(tmp_path):
    tables = {name: tiny_kb.world()[name] for name in ("triples", "types")}
    found = describe(tiny_kb.write(tmp_path / "kb", tables, base=KbRef(name="tiny", content="x")))
    assert isinstance(found, Overview)
    assert found.relations == [top("rid 0", 3), top("rid 1", 2)]
    assert found.classes == [top("eid 0", 1), top("eid 5", 1)]


def test_an_empty_knowledge_base(tmp_path):
    found = describe(tiny_kb.write(tmp_path / "kb", {name: [] for name in tiny_kb.world()}))
    assert isinstance(found, Overview)
    assert found.classes == found.relations == found.languages == []


def test_an_unfinished_build(tmp_path):
    with artefact.Staging(tmp_path / "kb", "plan") as staging:
        (staging.work / "part").write_bytes(b"12345678")
        running = describe(staging.folder)
        assert isinstance(running, Unfinished)
        assert running.busy
        assert running.resume == "being written; wait for it"
    found = describe(tmp_path / "kb.partial")
    assert isinstance(found, Unfinished)
    assert (found.busy, found.tasks, found.out) == (False, 0, str(tmp_path / "kb"))
    assert found.bytes >= 8
    assert "again: it goes on where it stopped" in found.resume
    assert "--restart" in found.resume


def test_a_foreign_partial_folder_is_refused(tmp_path):
    (tmp_path / "x.partial").mkdir()
    with pytest.raises(ArtefactError, match="not a building site of kbtools"):
        describe(tmp_path / "x.partial")

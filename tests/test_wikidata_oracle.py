"""Every row of every table is what a slow reading with `json` says, for generated dumps and for real ones."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api
from kbtools.kb.schema import TABLES
from tests import make_entities, oracle_wikidata

SINGLE_FILES = [
    "wikibase-dump-filter/Q22.json",
    "wikibase-dump-filter/entities",
    "qwikidata/wd_L3354.json",
    "qwikidata/wd_P279.json",
    "qwikidata/wd_Q42.json",
    "wdtk/wdtk-datamodel/src/test/resources/JsonDeserializer/item.json",
    "wdtk/wdtk-datamodel/src/test/resources/JsonDeserializer/lexeme.json",
    "wdtk/wdtk-datamodel/src/test/resources/JsonDeserializer/property.json",
    "wdtk/wdtk-dumpfiles/src/test/resources/mock-dump-for-testing.json",
    "wdtk/wdtk-dumpfiles/src/test/resources/mock-dump-for-long-testing.json",
    "wdsub/src/resources/sample-dump-20150815.json.gz",
    "wikibaseintegrator/item_Q582.json",
    "wikibaseintegrator/lexeme_L5.json",
    "wikibaseintegrator/mediainfo_M75908279.json",
    "wikibaseintegrator/property_P50.json",
    "wmde-serialization/items/Q1.json",
    "wmde-serialization/items/Q1752.json",
    "wmde-serialization/items/Q183.json",
    "wmde-serialization/items/simple.json",
    "wmde-serialization/properties/P18.json",
    "wmde-serialization/properties/P6.json",
    "wmde-serialization/properties/simple.json",
]


def counted(rows: Sequence[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(sorted(row.items())) for row in rows)


def compare(dumps: Sequence[Path], out: Path, langs: Sequence[str], *, lines: bool = False) -> None:
    """Ingest and compare all tables; `lines`: of each reject, too, the line is known."""
    made = api.ingest("wikidata", dumps, out, langs=list(langs))
    wanted = oracle_wikidata.read(dumps, langs)
    expected, found = wanted.tables(), oracle_wikidata.joined(out)
    rejects = found.pop("rejects")
    assert found.keys() == expected.keys()
    assert [row["id"] for row in found["entities"]] == [row["id"] for row in expected["entities"]]
    assert [row["id"] for row in found["relations"]] == [row["id"] for row in expected["relations"]]
    for table, rows in expected.items():
        left, right = counted(found[table]), counted(rows)
        assert [*(left - right)] == [], f"{table}: rows that should not be; missing: {[*(right - left)]}"
        assert [*(right - left)] == [], f"{table}: missing rows"
    reasons = [(row["line"], row["reason"]) for row in rejects]
    assert len(rejects) == len(wanted.rejects), (reasons, wanted.rejects)
    if lines:
        assert sorted(line for line, _ in reasons) == sorted(wanted.rejects), reasons
    assert made.counts["rejected"] == len(rejects)
    assert sum(n for what, n in made.counts.items() if what.startswith("skipped")) == wanted.skipped
    for table, spec in TABLES.items():
        if table in made.tables:
            in_order(out / table, spec.order)


def in_order(folder: Path, order: Sequence[str]) -> None:
    """Check that the rows of all files together are sorted, nulls last, and text by its bytes."""
    rows = pq.read_table(folder, columns=list(order)).to_pylist()
    keys = [
        tuple(
            (value is None, value.encode() if isinstance(value, str) else value or 0)
            for value in (row[name] for name in order)
        )
        for row in rows
    ]
    assert keys == sorted(keys), folder.name


@given(
    records=make_entities.dumps(),
    layout=st.sampled_from(["array", "lines", "open", "pretty"]),
    langs=st.sampled_from([("en",), ("en", "zh"), ("all",), ("zh", "de", "en")]),
)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_a_generated_dump_gives_the_rows_that_json_and_loops_give(records, layout, langs):
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "dump.json"
        dump.write_bytes(make_entities.written(records, layout))
        compare([dump], Path(folder) / "kb", langs, lines=layout != "pretty")


@given(records=make_entities.dumps(odd=False))
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def test_a_sound_dump_is_read_the_same_in_one_file_or_in_two(records):
    with tempfile.TemporaryDirectory() as folder:
        halves = [Path(folder) / name for name in ("b.json", "a.json")]
        middle = len(records) // 2
        for path, half in zip(halves, (records[:middle], records[middle:]), strict=True):
            path.write_bytes(make_entities.written(half, "array"))
        compare(halves, Path(folder) / "kb", ("en",))


@pytest.mark.parametrize("langs", [("en", "zh"), ("all",)], ids=",".join)
@pytest.mark.parametrize(
    "names",
    [
        ["wdsub/examples/100lines.json.gz"],
        ["opentapioca/data/sample_wikidata_items.json.bz2"],
        ["wikibase-dump-filter/entities"],
        SINGLE_FILES,
    ],
    ids=["array.gz", "sample.bz2", "entities", "single files"],
)
def test_real_files_give_the_rows_that_json_and_loops_give(names, langs, realdata, tmp_path):
    compare([realdata / "wikidata" / name for name in names], tmp_path / "kb", langs)

"""Link probability: names counted in text, as a slow count finds them, whatever the pieces."""

from __future__ import annotations

import gzip
import random
from collections import Counter

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbtools import api, executors
from kbtools.alias.building import occurrences
from kbtools.alias.lookup import Alias
from kbtools.alias.scanning.scan import scan
from kbtools.alias.schema import LEVELS
from kbtools.artefact import Task
from kbtools.corpus import DOCUMENTS, Report
from tests import tiny_kb

NAMES = [
    ("York", 0), ("york", 2), ("New York", 1), ("NEW YORK", 1), ("U.S.", 3), ("US", 3), ("us", 4),
    ("纽约", 1), ("Café", 5), ("cafe", 5), ("!!!", 2),
]  # fmt: skip
WORDS = [
    "York",
    "york",
    "New",
    "new",
    "NEW",
    "YORK",
    "U.S.",
    "us",
    "纽约",
    "cafés",
    "Café",
    "CAFE",
    ",",
    "!!!",
    "x",
]


@pytest.fixture(scope="module")
def alias(tmp_path_factory):
    """A look-up of a few names; some of a norm have forms of their own."""
    folder = tmp_path_factory.mktemp("names")
    entities = [tiny_kb.entity(eid, f"Q{eid}", None) for eid in range(6)]
    surfaces = [{"eid": eid, "text": text, "source": "anchor", "count": 1 + eid} for text, eid in NAMES]
    surfaces.sort(key=lambda row: str(row["text"]).encode())
    kb = tiny_kb.write(folder / "kb", {"entities": entities, "surfaces": surfaces})
    api.build_alias([kb], folder / "alias")
    return Alias(folder / "alias")


def documents(texts, links=None):
    n = len(texts)
    columns = [
        pa.array([str(i) for i in range(n)]),
        pa.array(texts, pa.large_string()),
        *[pa.nulls(n, pa.string())] * 2,
    ]
    columns.append(pa.array(links or [None] * n, DOCUMENTS.field("links").type))
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def link(start, end, eid=1):
    return {"start": start, "end": end, "eid": eid, "id": None}


def write_corpus(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode({"text": text}) + b"\n" for text in texts))
    return str(path)


def do(tasks, folder, workers=1):
    """Do the tasks; return their parts."""
    done = list(executors.run(tasks, folder=folder, workers=workers))
    return [one.task.args["part"] for one in done], [one.facts for one in done]


def slow_count(alias, texts):
    """Count what a scan of each text alone finds, one by one."""
    found: Counter[int] = Counter()
    for text in texts:
        spans = scan(alias.arrays, [text])
        for norm, entry, level in zip(spans.norm, spans.entry, spans.level, strict=True):
            if LEVELS[level] != "inflected":
                found[int(entry)] += 1
                whole = int(alias.arrays["entries"][norm])
                if whole != entry:
                    found[whole] += 1
    return np.array([found[i] for i in range(len(alias.arrays["form_tags"]))], np.uint64)


def counted(alias, texts, links=None):
    sums = occurrences.Counted(alias.arrays)
    sums.add(documents(texts, links))
    return sums


def of_name(alias, sums, name):
    slices = alias.lookup([name])
    whole = int(alias.arrays["entries"][slices.norm[0]])
    return int(sums[slices.entry[0]]), int(sums[whole])


def written(sums, tmp_path, what="occurrences"):
    sums.write(tmp_path / "part")
    return occurrences.total(tmp_path, ["part"], len(sums.arrays["form_tags"]), what=what)


def test_every_place_counts_also_inside_of_longer_names(alias, tmp_path):
    found = written(counted(alias, ["New York, York. NEW YORK and new york; yorks"]), tmp_path)
    assert of_name(alias, found, "New York")[1] == 3  # all spellings, one of them nobody's
    assert of_name(alias, found, "York")[1] == 4  # not the plural


def test_forms_count_what_leads_to_them(alias, tmp_path):
    texts = ["U.S. US us Us"]
    found = written(counted(alias, texts), tmp_path)
    assert (found == slow_count(alias, texts)).all()
    assert of_name(alias, found, "us") == (2, 4)  # nobody writes "Us": it is looked up as "us"
    assert of_name(alias, found, "U.S.")[1] == 4


texts_of_words = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts_of_words)
def test_counts_are_those_of_a_slow_count(alias, tmp_path, texts):
    assert (written(counted(alias, texts), tmp_path) == slow_count(alias, texts)).all()


def test_the_sums_do_not_depend_on_pieces_workers_or_order(alias, tmp_path, monkeypatch):
    rng = random.Random(3)
    texts = [" ".join(rng.choices(WORDS, k=rng.randrange(30))) for _ in range(300)]
    expected = slow_count(alias, texts)
    corpora = [
        write_corpus(tmp_path / f"{i}.jsonl", part) for i, part in enumerate([texts[:100], texts[100:]])
    ]
    for size, held in [(1 << 20, 1 << 20), (900, 50), (3000, 7)]:
        monkeypatch.setattr("kbtools.corpus._files.PIECE", size)
        monkeypatch.setattr(occurrences, "HELD", held)
        folder = tmp_path / f"work{size}"
        tasks = list(occurrences.tasks(corpora, folder, lookup=str(alias.path)))
        assert len(tasks) == len({task.name for task in tasks})
        rng.shuffle(tasks)
        parts, facts = do(tasks, folder)
        assert (occurrences.total(folder, parts, len(expected)) == expected).all()
        assert sum(one["counts"]["read"] for one in facts) == len(texts)
        assert not any(one["links"] for one in facts)


def test_compressed_text_is_laid_out_for_workers_and_removed(alias, tmp_path, monkeypatch):
    monkeypatch.setattr("kbtools.corpus._files.PIECE", 500)
    path = tmp_path / "a.jsonl"
    texts = ["New York"] * 100
    write_corpus(path, texts)
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    folder = tmp_path / "work"
    parts, _ = do(occurrences.tasks([str(packed)], folder, lookup=str(alias.path)), folder, workers=2)
    assert len(parts) > 1
    found = occurrences.total(folder, parts, len(alias.arrays["form_tags"]))
    assert of_name(alias, found, "New York")[1] == 100
    assert not [file for file in (folder / "work/corpus").rglob("*") if file.is_file()]


def test_bad_lines_are_told(alias, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "New York"}\n{\n')
    (task,) = occurrences.tasks([str(path)], tmp_path, lookup=str(alias.path))
    assert isinstance(task, Task)
    _, (facts,) = do([task], tmp_path)
    assert facts["counts"] == {"read": 1, "rejected": 1}
    assert facts["rejects"][0]["line"] == 2
    assert facts["characters"] == 8


def test_links_of_the_same_text(alias, tmp_path):
    """Dropped edges do not matter; a link to nobody known, or in the middle of a name, is none."""
    text = "x “U.S.” in New York; New York 纽约! us"
    at = text.index
    links = [
        link(at("“"), at(" in")), link(at("New"), at(";")), link(at("; New") + 2, at("; New") + 5),
        link(at("纽"), at("纽") + 3), link(at(" us") + 1, len(text), None),
    ]  # fmt: skip
    sums = counted(alias, ["York", text, ""], [[], links, None])
    assert sums.links
    found, linked = written(sums, tmp_path), written(sums, tmp_path, "linked")
    assert (linked <= found).all()
    assert [of_name(alias, linked, name)[1] for name in ("US", "New York", "York", "纽约")] == [1, 1, 0, 1]
    assert [of_name(alias, found, name)[1] for name in ("US", "New York", "York", "纽约")] == [2, 2, 3, 1]
    probable = occurrences.link_probabilities(linked, found)
    assert of_name(alias, probable * 100, "New York")[1] == 50


def test_pages_of_a_knowledge_base(alias, tmp_path):
    text = "New York, York"
    rows = [{"page": i, "title": "x", "lang": "en", "text": text, "sections": []} for i in range(5)]
    anchors = [
        {"page": page, "start": 10, "end": 14, "surface": "York", "target": 0, "target_title": "x"}
        | {"kind": "link"}
        for page in (1, 4)
    ]  # fmt: skip
    kb = tiny_kb.write(tmp_path / "kb", {"pages": rows, "anchors": anchors}, files=2)
    parts, facts = do(occurrences.tasks([str(kb)], tmp_path, lookup=str(alias.path)), tmp_path, workers=2)
    assert all(one["links"] for one in facts)
    size = len(alias.arrays["form_tags"])
    assert of_name(alias, occurrences.total(tmp_path, parts, size), "York")[1] == 10
    assert of_name(alias, occurrences.total(tmp_path, parts, size, what="linked"), "York")[1] == 2


def test_links_that_lie_outside_are_no_links(alias, tmp_path):
    sums = counted(alias, ["York", "York"], [[link(0, 99), link(4, 4), link(3, 1)], [link(0, 4)]])
    assert of_name(alias, written(sums, tmp_path, "linked"), "York")[1] == 1


def test_spans_of_nothing_but_what_is_dropped(alias, tmp_path):
    sums = counted(alias, ["a !!! York!"], [[link(2, 5), link(1, 2), link(5, 11)]])
    assert of_name(alias, written(sums, tmp_path, "linked"), "York")[1] == 1


@given(st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)), max_size=5))
def test_probabilities_are_between_nothing_and_one(pairs):
    linked, found = (np.array(column, np.uint64) for column in ([p[0] for p in pairs], [p[1] for p in pairs]))
    probable = occurrences.link_probabilities(linked, found)
    assert probable.dtype == np.float32
    for (a, b), p, rest in zip(
        pairs, probable.tolist(), occurrences.unlinked(linked, found).tolist(), strict=True
    ):
        assert rest == max(b - a, 0)
        assert p == pytest.approx(a / max(a + rest, 1), rel=1e-6)


def test_an_empty_corpus(alias, tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t/a.txt").write_bytes(b"")
    report = Report()
    tasks = occurrences.tasks([str(tmp_path / "t")], tmp_path, lookup=str(alias.path), report=report)
    parts, _ = do(tasks, tmp_path)
    assert occurrences.total(tmp_path, parts, 9).tolist() == [0] * 9

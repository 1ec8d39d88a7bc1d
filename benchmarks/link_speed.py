"""Measure `kbtools link`, beside spaCy's entity_linker in one run: tokens a second, memory, two workers.

    python benchmarks/link_speed.py REALDATA [--keep DIR] [--quick]

Names, entities and texts are those of `make_real_names.py`: 500,000 entities with 2 million names, real
English texts, shuffled and repeated. A token is what stands between blanks. Each case is a process of its own
on one core; it links a small corpus first, and then the same corpus a few times: the best and the median
count, from the first line read to the manifest written. `margin 1` asks about each mention that has several
candidates, not just about those in doubt. "own MB" is the largest memory of the process itself, "mapped MB"
beside it what it has of files: tables, shared by all processes that use them, and libraries.

spaCy gets what spares it work: documents already tokenised, with sentences and the mentions that kbtools
found, and a knowledge base of nothing but the names, entities and priors of these, in memory; vectors of 64
numbers by chance, an untrained network of the usual size. It links, and writes nothing; kbtools reads, finds
names in all 2 million, links and writes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import make_real_names
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ingest_wikidata import header

from kbtools import api, linkers
from kbtools.linked import Linked

CORE = max(os.sched_getaffinity(0))
LINKERS: dict[str, tuple[str, list[str], str]] = {  # preset, settings, candidates
    "prior": ("prior", [], "top5"),
    "prior, no candidates written": ("prior", [], "none"),
    "prior, all candidates written": ("prior", [], "all"),
    "context": ("context", [], "top5"),
    "context + coherence": ("coherence", [], "top5"),
    "context + coherence, margin 1": ("coherence", ["features.coherence.margin=1"], "top5"),
}
COHERENCE = "context + coherence"
HEAD = (
    "linker", "tokens/s, best", "median", "a CPU second", "of prior", "mentions in 100 tokens",
    "bytes a mention", "own MB", "mapped MB",
)  # fmt: skip
Row = dict[str, Any]


def timed(rounds: int, do: Callable[[], Any]) -> tuple[Any, Row]:
    """Do it some times; return what it returned, and seconds."""
    wall, cpu = [], []
    for _ in range(rounds):
        begun, spent = time.perf_counter(), time.process_time()
        made = do()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - spent)
    return made, {"best": min(wall), "median": statistics.median(wall), "cpu": min(cpu)}


def link_case(work: Path, *, name: str, corpus: str, rounds: int, workers: int) -> Row:
    """Link a corpus some times, in this process."""
    linker, overrides, candidates = LINKERS[name]
    options: Row = {
        "alias": work / "alias", "indexes": [work / "profile"], "linker": linker, "overrides": overrides,
        "candidates": candidates, "overwrite": True, "restart": True, "workers": workers,
    }  # fmt: skip
    if workers == 1:
        linkers.link(work / "small.jsonl", work / "out" / "first", **options)
    out = work / "out" / corpus / name
    made, seconds = timed(rounds, lambda: linkers.link(work / f"{corpus}.jsonl", out, **options))
    return seconds | {
        "mentions": made.counts["mentions"],
        "bytes a mention": made.notes["bytes per mention"], "documents": made.tables["documents"].rows,
    }  # fmt: skip


def spacy_case(work: Path, *, rows: int, context: bool, rounds: int) -> Row:
    """Let spaCy's entity_linker link mentions that kbtools found."""
    import spacy  # noqa: PLC0415
    from spacy.kb import InMemoryLookupKB  # noqa: PLC0415

    nlp = spacy.blank("en")
    cut = nlp.add_pipe("sentencizer")
    names: dict[str, list[Row]] = {}
    documents = []
    found = Linked(work / "out" / "speed" / "prior, all candidates written").scan("documents")
    for row in [one for batch in found for one in batch.to_pylist()][:rows]:
        document = cut(nlp.make_doc(row["text"]))
        places = [(one["start"], one["end"]) for one in row["mentions"]]
        spans = [document.char_span(*place, label="E", alignment_mode="expand") for place in places]
        document.ents = spacy.util.filter_spans(spans)
        documents.append(document)
        for span, one in zip(spans, row["mentions"], strict=True):
            names.setdefault(span.text, one["candidates"])
    entities = sorted({one["eid"] for told in names.values() for one in told})
    vectors = np.random.default_rng(0).normal(size=(len(entities), 64)).astype(np.float32)
    base = InMemoryLookupKB(nlp.vocab, 64)
    base.set_entities([f"Q{one}" for one in entities], [1.0] * len(entities), list(vectors))
    for name, told in names.items():
        base.add_alias(name, [f"Q{one['eid']}" for one in told], [one["prior"] * 0.999 for one in told])
    pipe = nlp.add_pipe("entity_linker", config={"incl_context": context})
    sample = _example(next(one for one in documents if one.ents), f"Q{entities[0]}")
    pipe.initialize(lambda: [sample], nlp=nlp, kb_loader=lambda vocab: base)
    _, seconds = timed(rounds, lambda: list(pipe.pipe(iter(documents), batch_size=64)))
    return seconds | {
        "documents": len(documents), "tokens": sum(len(one.text.split()) for one in documents),
        "mentions": sum(len(one.ents) for one in documents), "names": len(names), "entities": len(entities),
        "told": f"spaCy {spacy.__version__}",
    }  # fmt: skip


def _example(document: Any, entity: str) -> Any:
    """Make what spaCy wants to see before it links: a document with gold."""
    from spacy.training import Example  # noqa: PLC0415

    links = {(ent.start_char, ent.end_char): {entity: 1.0} for ent in document.ents}
    told = {"links": links, "entities": [(*span, "E") for span in links]}
    told["sent_starts"] = [1 if token.is_sent_start else -1 for token in document]
    return Example.from_dict(document.copy(), told)


CASES = {"link": link_case, "spacy": spacy_case}


def memory(pid: int) -> tuple[float, float]:
    """Return MB of a process of its own, and of files that it has mapped."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it ended
        return 0.0, 0.0
    found = {one.split()[0]: int(one.split()[1]) for one in text.splitlines()[1:]}
    if "Rss:" not in found:
        return 0.0, 0.0
    own = found["Anonymous:"]
    return own * 1.024e-3, (found["Rss:"] - own) * 1.024e-3


def measured(work: Path, case: str, *, pinned: bool = True, **options: Any) -> Row:
    """Do a case in a process of its own; poll what memory it takes."""
    command = [sys.executable, __file__, "--case", case, str(work), json.dumps(options)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        if pinned:
            os.sched_setaffinity(process.pid, {CORE})
        own = mapped = 0.0
        while process.poll() is None:
            now = memory(process.pid)
            own, mapped = max(own, now[0]), max(mapped, now[1])
            time.sleep(0.1)
        assert process.stdout
        told = process.stdout.read().decode().strip().rpartition("\n")[2]
    if process.returncode:
        raise SystemExit(f"{case} {options}: exit {process.returncode}")
    print(f"{case} {options}: {told}", file=sys.stderr)
    return {**json.loads(told), "own MB": own, "mapped MB": mapped}


def prepared(work: Path, realdata: Path, *, quick: bool) -> Row:
    """Make the knowledge base, its names, its profile and the corpora, if they are not there."""
    sizes: Row = {"entities": 500_000, "names": 2_000_000}
    tokens = {"small": 100_000, "speed": 2_000_000, "workers": 11_000_000}
    documents = {"10k": 10_000, "200k": 200_000}
    if quick:
        sizes, documents = {"entities": 50_000, "names": 200_000}, {}
        tokens = {"small": 100_000, "speed": 500_000}
    told = work / "told.json"
    if told.exists():
        return dict(json.loads(told.read_text()))
    work.mkdir(parents=True, exist_ok=True)
    kb, again = [work / "kb"], {"overwrite": True, "restart": True}
    seconds = {}
    for step, build in {
        "knowledge base": lambda: make_real_names.write(realdata, work / "kb", **sizes),
        "alias": lambda: api.build_alias(kb, work / "alias", **again),
        "profile": lambda: linkers.build_index(kb, work / "profile", kind="profile", **again),
    }.items():
        seconds[step] = timed(1, build)[1]["best"]
    real = make_real_names.texts(realdata)
    whole, paragraphs = real.whole(), real.paragraphs()
    made = {
        name: make_real_names.corpus(whole, work / f"{name}.jsonl", tokens=n) for name, n in tokens.items()
    }
    made |= {
        name: make_real_names.corpus(paragraphs, work / f"{name}.jsonl", rows=n)
        for name, n in documents.items()
    }
    found: Row = {"corpora": made, **sizes, "seconds": seconds}
    told.write_text(json.dumps(found))
    return found


def decisions(linked: Path) -> pa.Table:
    """Return document, place and entity of each mention."""
    table = pa.Table.from_batches(Linked(linked).scan("documents")).combine_chunks()
    mentions = table["mentions"].combine_chunks()
    values = mentions.flatten()
    return pa.table(
        {
            "document": pc.list_parent_indices(mentions),
            **{name: values.field(name) for name in ("start", "end", "eid")},
        }
    )


def changed(one: Path, other: Path) -> float:
    """Return which share of the places that both have mentions at means something else."""
    keys = ["document", "start", "end"]
    both = decisions(one).join(decisions(other), keys, join_type="inner", right_suffix="_other")
    same = pc.fill_null(pc.equal(both["eid"], both["eid_other"]), fill_value=False)
    return 1 - pc.sum(same).as_py() / both.num_rows


def report(work: Path, told: Row, rounds: int, *, quick: bool) -> Iterator[str]:
    """Measure, and yield the lines of the report."""
    corpora, tokens = told["corpora"], told["corpora"]["speed"]["tokens"]
    builds = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in told["seconds"].items())
    yield f"{told['entities']:,} entities, {told['names']:,} names ({builds}); {tokens:,} tokens"
    yield ""
    yield f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}"
    usual = 0.0
    for name in LINKERS:
        row = measured(work, "link", name=name, corpus="speed", rounds=rounds, workers=1)
        usual = usual or row["cpu"] / tokens
        yield line(name, row, tokens, usual)
    for context, rows in ((False, 1000), (True, 50)):
        row = measured(work, "spacy", rows=rows, context=context, rounds=rounds)
        what = "prior and context" if context else "prior"
        about = f"{row['told']}, {what}; {row['names']:,} names, {row['entities']:,} entities"
        yield line(about, row, row["tokens"], usual)
    yield ""
    out = work / "out" / "speed"
    for one, other in (("prior", "context"), ("context", COHERENCE), (COHERENCE, f"{COHERENCE}, margin 1")):
        yield f"{one} → {other}: {changed(out / one, out / other):.2%} of the decisions change"
    if not quick:
        yield from growth(work, corpora)


def line(name: str, row: Row, tokens: int, usual: float) -> str:
    """Lay out what was measured."""
    rates = [f"{tokens / row[which]:,.0f}" for which in ("best", "median", "cpu")]
    ratio, found = usual * tokens / row["cpu"], f"{100 * row['mentions'] / tokens:.1f}"
    size, own, mapped = row.get("bytes a mention", ""), f"{row['own MB']:.0f}", f"{row['mapped MB']:.0f}"
    return "| " + " | ".join(map(str, [name, *rates, f"{ratio:.3g}", found, size, own, mapped])) + " |"


def growth(work: Path, corpora: Row) -> Iterator[str]:
    """Measure what more workers and more documents do."""
    size = corpora["workers"]["tokens"]
    for name in ("prior", COHERENCE):
        options: Row = {"name": name, "corpus": "workers", "rounds": 1}
        one = measured(work, "link", **options, workers=1)["best"]
        two = measured(work, "link", **options, workers=2, pinned=False)["best"]
        rates = f"one worker {size / one:,.0f} tokens/s, two {size / two:,.0f}"
        yield f"{name}, {size:,} tokens: {rates}: {one / two:.2f} times"
    for corpus in ("10k", "200k"):
        row = measured(work, "link", name=COHERENCE, corpus=corpus, rounds=1, workers=1)
        took = f"{row['own MB']:.0f} MB of its own, {row['mapped MB']:.0f} mapped"
        yield f"{row['documents']:,} documents: {took}"


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "realdata", type=Path, nargs="?", help="the folder with text/nltk and text/wikitext-2"
    )
    parser.add_argument("--keep", type=Path, help="work here, keep the files, reuse what is there")
    parser.add_argument("--quick", action="store_true", help="a tenth of the names, a quarter of the tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        case, work, options = args.case
        print(json.dumps(CASES[case](Path(work), **json.loads(options))))
        return 0
    if args.realdata is None:
        parser.error("REALDATA is missing")
    print("; ".join(f"{name} {value}" for name, value in header().items()))
    with ExitStack() as stack:
        work = args.keep or Path(stack.enter_context(TemporaryDirectory(prefix="kbtools-bench-")))
        told = prepared(work, args.realdata, quick=args.quick)
        for line in report(work, told, args.rounds, quick=args.quick):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

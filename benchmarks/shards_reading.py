"""Measure how fast shards are made batches, beside Hugging Face datasets and a plain loop, in one run.

    python benchmarks/shards_reading.py [--tokens 20000000] [--folder DIR] [--json]

Two sets are made up: `full`, whose examples have 128 tokens but for the last ones of documents, and
`sentences`, of 3 to 128 tokens (log-normal, 24 in the middle). Each has the columns of text, and with
`entities` those of mentions with up to 30 candidates too. All programs shuffle over everything, and pad to
arrays of torch's types: `datasets` by `ds[rows]` in numpy's format and a loop over examples that pads, as its
users write it; `plain` from lists of Python in memory (60,000 examples), with the same loop. Tokens that
count are those that are no padding. One process; seconds are the processor's; "useful" is the share of a
batch that is no padding. Files were just written: they are read from the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from kbtools import artefact
from kbtools.kb.schema_digest import schema_digest
from kbtools.shards.assembly import lists
from kbtools.shards.reader import Shards
from kbtools.shards.reading.batches import Batches, Reading

ROWS, BATCHES, MOST = 50_000, 4096, 128  # of a file, of a record batch; tokens of an example
TEXT = ("input_ids", "word_start", "segment")  # what the others pad, too: the least that training wants


def lengths_of(kind: str, count: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Draw lengths of examples."""
    if kind == "full":
        return np.where(random.random(count) < 0.8, MOST, random.integers(8, MOST, count))
    return np.clip(np.exp(random.normal(3.2, 0.6, count)), 3, MOST).astype(np.int64)


def table_of(kind: str, count: int, random: np.random.Generator, entities: bool) -> pa.Table:
    """Make examples up."""
    lengths = lengths_of(kind, count, random)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    total = int(ends[-1])
    columns = {
        "input_ids": lists(ends, pa.array(random.integers(5, 30_000, total).astype(np.int32))),
        "word_start": lists(ends, pa.array(random.random(total) < 0.7)),
        "segment": lists(ends, pa.array(np.zeros(total, np.int8))),
        "sentences": lists(np.arange(count + 1), pa.array(np.ones(count, np.int32))),
    }
    if entities:
        many = np.minimum(lengths // 12, 12)
        mentions = np.concatenate([[0], np.cumsum(many)])
        found = int(mentions[-1])
        spans = np.sort(random.integers(0, 3, (found, 2)).astype(np.int32), axis=1)
        candidates = np.concatenate([[0], np.cumsum(random.integers(1, 31, found))])
        eids = random.integers(0, 1 << 20, int(candidates[-1]))
        pairs = pa.FixedSizeListArray.from_arrays(pa.array(spans.ravel()), 2)
        columns |= {
            "entities.w.spans": lists(mentions, pairs),
            "entities.w.eids": lists(mentions, lists(candidates, pa.array(eids))),
            "entities.w.priors": lists(mentions, lists(candidates, pa.array(eids.astype(np.float32)))),
            "entities.w.gold": lists(mentions, pa.array(eids[candidates[:-1]])),
        }
    return pa.table(columns)


def write(out: Path, kind: str, tokens: int, entities: bool) -> None:
    """Write shards with about so many tokens."""
    random = np.random.default_rng(0)
    count = int(tokens / lengths_of(kind, 10_000, random).mean())
    with artefact.Staging(out, out.name) as staging:
        (staging.new / "train").mkdir()
        names, index = [], []
        for first in range(0, count, ROWS):
            table = table_of(kind, min(ROWS, count - first), random, entities)
            names.append(f"train/{len(names):06}.arrow")
            index.append([table.num_rows, len(table["input_ids"].combine_chunks().values)])
            with pa.ipc.new_file(str(staging.new / names[-1]), table.schema) as file:
                for batch in table.to_batches(max_chunksize=BATCHES):
                    file.write_batch(batch)
        files = [artefact.entry(staging.new, name) for name in names]
        told = artefact.Table(rows=count, files=files, schema=schema_digest(table.schema))
        notes = {"index": {"train": index}, "tokenizer": {"pad": 0}}
        settings = {"common": {"max_length": MOST}}
        staging.commit(artefact.begin("shards", settings=settings, tables={"train": told}, notes=notes))


def ours(**settings: Any) -> Callable[[Path], Iterator[Any]]:
    """Read with kbtools."""
    return lambda path: (
        batch["attention_mask"] for batch in Batches(Shards(path), reading=Reading(**settings))
    )


def datasets(path: Path) -> Iterator[Any]:
    """Read with Hugging Face datasets: 64 examples at a time, in numpy's format, padded one by one."""
    import datasets as hf  # noqa: PLC0415

    hf.disable_progress_bars()
    files = [str(file) for file in sorted(path.glob("train/*.arrow"))]
    with tempfile.TemporaryDirectory() as cache:
        found = hf.load_dataset("arrow", data_files=files, split="train", cache_dir=cache)
        found = found.select_columns([*TEXT]).with_format("numpy")
        order = np.random.default_rng(0).permutation(len(found))
        for first in range(0, len(order), 64):
            yield _padded(found[order[first : first + 64]])


def plain(path: Path) -> Iterator[Any]:
    """Read lists of Python that were loaded beforehand: 64 examples at a time, padded one by one."""
    table = Shards(path).table("train", [*TEXT])
    held = {name: table[name].slice(0, 60_000).to_pylist() for name in TEXT}
    yield None  # from here on the clock runs
    order = np.random.default_rng(0).permutation(len(held[TEXT[0]])).tolist()
    for first in range(0, len(order), 64):
        rows = order[first : first + 64]
        yield _padded({name: [values[row] for row in rows] for name, values in held.items()})


def _padded(batch: dict[str, Any]) -> Any:
    width = -(-max(map(len, batch["input_ids"])) // 8) * 8
    arrays = {}
    for name, values in batch.items():
        out = np.zeros((len(values), width), np.bool_ if name == "word_start" else np.int64)
        for row, value in enumerate(values):
            out[row, : len(value)] = value
        arrays[name] = out
    return arrays["input_ids"] != 0


PROGRAMS: dict[str, Callable[[Path], Iterator[Any]]] = {
    "in order": ours(shuffle="no", window=0, columns=TEXT),
    "shuffled": ours(window=0, columns=TEXT),
    "shuffled, by length": ours(columns=TEXT),
    "shuffled, packed": ours(packed=True, columns=TEXT),
    "shuffled, by length, all columns": ours(),
    "datasets, shuffled": datasets,
    "plain loop, shuffled": plain,
}


def measure(path: Path, program: Callable[[Path], Iterator[Any]], seconds: float) -> tuple[float, float]:
    """Return tokens a second, and the share that is no padding; the first batch is not counted."""
    batches = program(path)
    next(batches)
    tokens = places = 0
    begin = time.process_time()
    for mask in batches:
        tokens += int(np.count_nonzero(mask))
        places += mask.size
        if time.process_time() - begin > seconds:
            break
    return tokens / (time.process_time() - begin), tokens / places


def main() -> None:
    """Measure all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tokens", type=int, default=20_000_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the shards are kept")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as passing:
        for kind, entities in (("full", False), ("sentences", False), ("full", True)):
            name = f"{kind}{', entities' * entities}"
            path = (asked.folder or Path(passing)) / f"{kind}{'-entities' * entities}-{asked.tokens}"
            if not path.exists():
                write(path, kind, asked.tokens, entities)
            found: dict[str, list[tuple[float, float]]] = {program: [] for program in PROGRAMS}
            for _ in range(asked.rounds):
                for program, run in PROGRAMS.items():
                    if program != "datasets, shuffled" or _installed():
                        found[program].append(measure(path, run, asked.seconds))
            best = {program: max(runs) for program, runs in found.items() if runs}
            base = best.get("datasets, shuffled", best["plain loop, shuffled"])[0]
            rows += [
                {
                    "set": name,
                    "program": program,
                    "Mtok/s": round(speed / 1e6, 2),
                    "x datasets": round(speed / base, 1),
                    "useful": f"{useful:.1%}",
                }
                for program, (speed, useful) in best.items()
            ]
    about = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    about += f", load {os.getloadavg()[0]:.1f}"
    about += f", Python {platform.python_version()}, pyarrow {pa.__version__}, numpy {np.__version__}"
    about += f", datasets {version('datasets')}" if _installed() else ""
    if asked.json:
        print(json.dumps({"about": about, "rows": rows}))
        return
    print(about, "\n\n|", " | ".join(rows[0]), "|\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("|", " | ".join(map(str, row.values())), "|")


def _installed() -> bool:
    try:
        return bool(version("datasets"))
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    main()

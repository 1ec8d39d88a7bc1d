"""Measure the fuzzy index: queries a second and core, and how often a name is found in spite of its typos.

    python benchmarks/index_fuzzy.py [--names 500000] [--queries 2000] [--keep DIR] [--json]

Names of people, places, works and institutes are put together from parts, the common ones often; queries are
names with one or two letters inserted, deleted, replaced or swapped. All runs are in one process on one
thread, beside a scan with rapidfuzz (a sample of the queries) and TF-IDF over character 3-grams with scipy,
whose best 50 are ranked by rapidfuzz. The same arguments give the same names and queries.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ingest_wikidata import header
from rapidfuzz import process
from rapidfuzz.distance import OSA
from scipy import sparse

from kbtools import artefact
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.linkers.index import fuzzy

# the common ones first
GIVEN = """
    maria john anna james mary robert li wei peter paul david michael susan laura thomas andrea jean pierre
    carlos jose luis ana elena ivan olga sergei yuki kenji ahmed fatima omar ali hassan karl hans greta ingrid
    erik lars nina sofia emma olivia liam noah william henry george edward charles alice margaret elizabeth
"""
FAMILY = """
    smith johnson williams brown jones miller davis garcia rodriguez martinez wilson anderson taylor moore
    jackson martin lee thompson white lopez gonzalez harris clark lewis robinson walker young allen king
    wright scott torres nguyen hill green adams nelson baker hall rivera campbell mitchell carter schmidt
    fischer weber wagner becker hoffmann ivanov petrov tanaka suzuki wang zhang chen yang rossi ferrari
"""
ONSETS = "b br c ch d dr f g gr h j k kl l m n p r s sh st t tr v w z"
VOWELS = "a e i o u ai ea ei ie oo ou"
CODAS = "n r l s t nd rt ck m x"
PLACES = "ville ton burg berg field ford ham stadt dorf ovo pur abad"
KINDS = {
    "{0} {1}": 0.4,
    "{0} {2} {1}": 0.2,
    "{3}{4}": 0.1,
    "{0} {3}{4}": 0.1,
    "the {3} of {1}": 0.1,
    "{1} institute of {3}": 0.1,
}
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Record:
    """What was measured of one way to search."""

    case: str
    queries: int
    per_second: float
    found: float  # share of queries with the true name among the first ten
    first: float  # share with it in the first place
    mb: float = 0.0


def words(random: np.random.Generator, count: int) -> Any:
    """Make up words of one to three syllables and a coda; distinct."""
    onsets, vowels, codas = ONSETS.split(), VOWELS.split(), CODAS.split() + [""] * 8
    syllables = random.integers(1, 4, count)
    made = [
        "".join(random.choice(onsets) + random.choice(vowels) for _ in range(n)) + random.choice(codas)
        for n in syllables
    ]
    return np.array(sorted(set(made)), object)


def drawn(random: np.random.Generator, parts: Any, count: int) -> Any:
    """Draw parts, the first ones often: by a power law of their rank."""
    shares = 1 / (np.arange(len(parts)) + 10) ** 0.9
    return np.array(parts, object)[random.choice(len(parts), count, p=shares / shares.sum())]


def made_names(count: int, seed: int) -> list[str]:
    """Make up names, distinct, in alphabetical order."""
    random = np.random.default_rng(seed)
    stems = random.permutation(words(random, 25_000))
    given, family = [*GIVEN.split(), *stems[:1500]], [*FAMILY.split(), *stems[1500:20_000]]
    names: set[str] = set()
    while len(names) < count:
        columns = [
            drawn(random, parts, count) for parts in (given, family, list(ALPHABET), stems, PLACES.split())
        ]
        forms = random.choice(list(KINDS), count, p=list(KINDS.values()))
        names.update(form.format(*parts) for form, *parts in zip(forms, *columns, strict=True))
    return sorted(random.permutation(sorted(names))[:count].tolist())


def typo(random: np.random.Generator, name: str) -> str:
    """Make one mistake."""
    at, letter = int(random.integers(len(name))), ALPHABET[int(random.integers(26))]
    match int(random.integers(4)):
        case 0:
            return name[:at] + letter + name[at:]
        case 1 if len(name) > 2:
            return name[:at] + name[at + 1 :]
        case 2:
            return name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]
        case _:
            return name[:at] + letter + name[at + 1 :]


def made_queries(names: list[str], count: int, seed: int) -> tuple[list[str], list[str]]:
    """Draw names and make one or two mistakes in each; return queries and the true names."""
    random = np.random.default_rng(seed)
    truth = [names[place] for place in random.choice(len(names), count, replace=False).tolist()]
    queries = []
    for name in truth:
        query = name
        for _ in range(int(random.integers(1, 3))):
            query = typo(random, query)
        queries.append(" ".join(query.split()))
    return queries, truth


def write_kb(out: Path, names: list[str]) -> Path:
    """Write a knowledge base in which each name belongs to one entity."""
    count = len(names)
    zeros = pa.array(np.zeros(count, np.int64))
    given = {"eid": pa.array(np.arange(count)), "id": pa.array([f"E{n}" for n in range(count)])}
    given |= {
        "text": pa.array(names),
        "kind": pa.array(["entity"] * count),
        "source": pa.array(["name"] * count),
    }
    given |= dict.fromkeys(("sitelinks", "in_degree", "out_degree", "freq", "flags"), zeros)
    tables = {}
    with artefact.Staging(out, artefact.plan("names", {"names": count}, [])) as staging:
        for name in ("entities", "surfaces"):
            schema = TABLES[name].schema
            columns = [
                given.get(field.name, pa.nulls(count, pa.string())).cast(plain(field)).cast(field.type)
                for field in schema
            ]
            pq.write_table(pa.Table.from_arrays(columns, schema=schema), staging.new / f"{name}.parquet")
            files = [artefact.entry(staging.new, f"{name}.parquet")]
            tables[name] = artefact.Table(rows=count, files=files, schema=schema_digest(schema))
        staging.commit(msgspec.structs.replace(artefact.begin("kb", name="names"), tables=tables))
    return out


def plain(field: Any) -> Any:
    """Return the type of a field without its dictionary."""
    return field.type.value_type if pa.types.is_dictionary(field.type) else field.type


class TfIdf:
    """The obvious way: TF-IDF vectors of 3-grams, the best 50 by cosine, ranked by rapidfuzz."""

    def __init__(self, names: list[str]) -> None:
        self.names, self.grams = names, dict[str, int]()
        counts = self._counts(names, grow=True)
        self.weights = np.log(len(names) / np.asarray((counts > 0).sum(0)).ravel()) + 1
        self.matrix = self._vectors(counts).T.tocsr()

    def _counts(self, texts: Sequence[str], *, grow: bool) -> Any:
        cols, ends = [], [0]
        for text in texts:
            padded = f" {text} "
            for at in range(len(padded) - 2):
                gram = padded[at : at + 3]
                place = self.grams.setdefault(gram, len(self.grams)) if grow else self.grams.get(gram, -1)
                if place >= 0:
                    cols.append(place)
            ends.append(len(cols))
        shape = (len(texts), len(self.grams))
        found = sparse.csr_matrix((np.ones(len(cols), np.float32), cols, ends), shape=shape)
        found.sum_duplicates()
        return found

    def _vectors(self, counts: Any) -> Any:
        vectors = counts.multiply(self.weights[None]).tocsr().astype(np.float32)
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(1)).ravel())
        return sparse.diags(1 / np.maximum(norms, 1e-9)).dot(vectors).tocsr().astype(np.float32)

    def search(self, queries: Sequence[str]) -> list[list[str]]:
        """Return ten names for each query."""
        answers = []
        for first in range(0, len(queries), 100):
            block = queries[first : first + 100]
            scores = self._vectors(self._counts(block, grow=False)).dot(self.matrix).tocsr()
            for place, query in enumerate(block):
                row = slice(scores.indptr[place], scores.indptr[place + 1])
                who, score = scores.indices[row], scores.data[row]
                if len(who) > 50:
                    who = who[np.argpartition(score, -50)[-50:]]
                names = [self.names[n] for n in who]
                best = process.extract(query, names, scorer=OSA.normalized_similarity, limit=10)
                answers.append([name for name, _, _ in best])
        return answers


def measure(
    case: str, search: Callable[[list[str]], list[list[str]]], queries: list[str], truth: list[str], mb: float
) -> Record:
    """Search once and count."""
    search(queries[:20])
    begun = time.process_time()
    answers = search(queries)
    seconds = time.process_time() - begun
    pairs = list(zip(truth, answers, strict=True))
    found = sum(name in names for name, names in pairs) / len(pairs)
    first = sum(names[:1] == [name] for name, names in pairs) / len(pairs)
    return Record(case, len(queries), len(queries) / seconds, found, first, mb)


def cases(folder: Path, count: int, asked: int, seed: int) -> tuple[list[Record], dict[str, Any]]:
    """Build the index and measure all ways to search."""
    names = made_names(count, seed)
    queries, truth = made_queries(names, asked, seed + 1)
    kb, out = folder / f"kb-{count}", folder / f"index-{count}"
    if not kb.exists():
        write_kb(kb, names)
    shutil.rmtree(out, ignore_errors=True)
    begun = time.perf_counter()
    made = fuzzy.build(kb, out)
    about = {"build s": round(time.perf_counter() - begun, 1), "peak MB": made.resources["peak worker MB"]}
    begun = time.perf_counter()
    fuzzy.FuzzyIndex(out)
    about["open ms"] = round((time.perf_counter() - begun) * 1000, 1)
    mb = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    records = []
    for mode in ("exact", "fast"):
        index = fuzzy.FuzzyIndex(out, mode=mode)

        def ours(texts: list[str], index: fuzzy.FuzzyIndex = index) -> list[list[str]]:
            return [found.names for found in index.search_names(texts)]

        records.append(measure(f"kbtools {mode}", ours, queries, truth, mb))
    peer = TfIdf(names)
    size = sum(part.nbytes for part in (peer.matrix.data, peer.matrix.indices, peer.matrix.indptr)) / 1e6
    records.append(measure("TF-IDF + rapidfuzz", peer.search, queries, truth, size))

    def scan(texts: list[str]) -> list[list[str]]:
        scorer = OSA.normalized_similarity
        return [
            [name for name, _, _ in process.extract(text, names, scorer=scorer, limit=10)] for text in texts
        ]

    records.append(measure("rapidfuzz scan", scan, queries[:20], truth[:20], 0.0))
    return records, about


def main() -> int:
    """Read the command line; return 1 if a mode misses its aim."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--names", type=int, default=500_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the names and the index here")
    parser.add_argument("--json", action="store_true", help="print the records as one JSON document")
    args = parser.parse_args()
    about = header()
    with TemporaryDirectory(prefix="kbtools-bench-") as folder:
        records, built = cases(args.keep or Path(folder), args.names, args.queries, args.seed)
    about |= built | {"process peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000}
    if args.json:
        print(json.dumps({**about, "records": [asdict(record) for record in records]}))
    else:
        print("; ".join(f"{name} {value}" for name, value in about.items()))
        peer = records[2].per_second
        for record in records:
            print(
                f"{record.case:<20} {record.per_second:8.1f} queries/s  x{record.per_second / peer:7.2f}  "
                f"in the top 10 {record.found:.4f}  first {record.first:.4f}  {record.mb:7.1f} MB"
            )
    aims = {"kbtools exact": (450, 0.995), "kbtools fast": (1500, 0.95)}
    return any(
        record.per_second < aims[record.case][0] or record.found < aims[record.case][1]
        for record in records
        if record.case in aims and args.names == 500_000
    )


if __name__ == "__main__":
    sys.exit(main())

"""Link probability: how often a name, where it stands in text, is a link.

    lp(m) = linked(m) / occurrences(m)

over all the places of m in some text, as TAGME counts them (Ferragina and Scaiella 2010); Mihalcea and Csomai
(2007), who began it, count documents instead, which hides that a name stands in one a hundred times.

Every place counts at which a look-up would find the name, also one inside of a longer name ("York" in "New
York"): whoever asks meets the name in all of them. Names that were only found by taking a plural off do not
count, for links are counted under what they show. An entry of the look-up counts the places that lead to it,
and a norm as a whole those of all its spellings.

One pass over the text, piece by piece, each a task; their results are sums of integers. Memory: 16 bytes an
entry of the look-up, and a batch of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools import corpus
from kbtools.alias.hashing import codes_of
from kbtools.alias.lookup import open_arrays
from kbtools.alias.scanning import marks
from kbtools.alias.scanning.scan import Spans, stream
from kbtools.alias.schema import LEVELS
from kbtools.artefact import Outcome, Task
from kbtools.corpus import Piece, Report
from kbtools.kb.schema import U32, U64

INFLECTED = LEVELS.index("inflected")
HELD = 1 << 23  # places that are kept before they are counted
SCHEMA = pa.schema([("step", U32), ("occurrences", U64), ("linked", U64)])  # step: from the entry before

Ints = NDArray[np.int64]
Places = NDArray[np.uint64]
Arrays = Mapping[str, NDArray[Any]]


def tasks(
    corpora: Sequence[str],
    folder: Path,
    *,
    lookup: str = "new",
    settings: Sequence[Sequence[str]] = (),
    report: Report | None = None,
) -> Iterator[Task]:
    """Yield a task for each piece of each corpus; `settings` are `name=value` of the corpora's formats.

    What has to be unpacked is unpacked when its task is asked for: take them one by one as workers are free.
    `lookup` is the artefact below the folder that holds the look-up.
    """
    for number, spec in enumerate(corpora):
        mine = settings[number] if number < len(settings) else ()
        room = f"work/corpus/{number:03}"
        for piece in corpus.plan(spec, folder, settings=mine, room=room, report=report):
            name = f"occurrences/{number:03}-{piece.number:06}"
            yield Task(
                name=name,
                call=f"{__name__}:count",
                args={"piece": msgspec.to_builtins(piece), "lookup": lookup, "part": f"work/{name}.arrow"},
                consumes=list(piece.consumes),
            )


def count(folder: Path, *, piece: Any, lookup: str, part: str) -> Outcome:
    """Count the names in a piece of a corpus; `facts` say whether it tells what is linked."""
    arrays = open_arrays(folder / lookup)
    report = Report()
    counted = Counted(arrays)
    for documents in corpus.read(msgspec.convert(piece, Piece), folder, report):
        counted.add(documents)
    path = folder / part
    path.parent.mkdir(parents=True, exist_ok=True)
    counted.write(path)
    told = {"links": counted.links, "characters": counted.characters, **report.facts()}
    return Outcome(files=[part], facts=told)


class Counted:
    """How often each entry occurs and is linked, as texts are read."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self.links = False
        self.characters = 0
        entries = len(arrays["form_tags"])
        self._sums = {what: np.zeros(entries, np.uint32) for what in ("occurrences", "linked")}
        self._held: dict[str, list[Ints]] = {"occurrences": [], "linked": []}
        self._size = 0

    def add(self, documents: pa.RecordBatch) -> None:
        """Scan the texts of a batch."""
        texts = documents["text"]
        begins = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(pc.utf8_length(texts).to_numpy(), out=begins[1:])
        kind, links = _linked(documents, begins)
        self.links |= documents["links"].null_count < len(documents)
        for found in stream(self.arrays, texts):
            known = np.flatnonzero(found.level != INFLECTED)
            self._hold("occurrences", found, known)
            if len(links):
                begin = begins[found.text]
                mine = _among(_keys(*_trimmed(kind, begin + found.start, begin + found.end)), links)
                self._hold("linked", found, known[mine[known]])
        self.characters += int(begins[-1])

    def _hold(self, what: str, found: Spans, rows: Ints) -> None:
        """Keep the entries of some places, and the norms as a whole that these are forms of."""
        entry = found.entry[rows]
        whole = self.arrays["entries"][found.norm[rows]].astype(np.int64)
        self._held[what] += [entry, whole[whole != entry]]
        self._size += 2 * len(rows)
        if self._size > HELD:
            self._sum()

    def _sum(self) -> None:
        for what, held in self._held.items():
            if held:
                sums = self._sums[what]
                sums += np.bincount(np.concatenate(held), minlength=len(sums)).astype(np.uint32)
            held.clear()
        self._size = 0

    def write(self, path: Path) -> None:
        """Write down what is not zero."""
        self._sum()
        occurrences = self._sums["occurrences"]
        rows = np.flatnonzero(occurrences)
        columns = [np.diff(rows, prepend=0), occurrences[rows], self._sums["linked"][rows]]
        batch = pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)],
            schema=SCHEMA,
        )
        packed = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA, options=packed) as out:
            out.write_batch(batch)


def _linked(documents: pa.RecordBatch, begins: Ints) -> tuple[marks.Kinds, Ints]:
    """Return the keys, sorted, of the places that are links to known entities, and what trims them."""
    one = documents["links"].flatten()
    text = pc.list_parent_indices(documents["links"]).to_numpy().astype(np.int64)
    start, end = (one.field(name).to_numpy().astype(np.int64) for name in ("start", "end"))
    known = pc.or_(one.field("eid").is_valid(), one.field("id").is_valid()).to_numpy(zero_copy_only=False)
    known &= (start < end) & (end <= np.diff(begins)[text])
    if not known.any():
        return np.zeros(0, np.uint8), np.zeros(0, np.int64)
    kind = marks.kinds(codes_of("".join(documents["text"].to_pylist())))
    at = begins[text[known]]
    return kind, np.unique(_keys(*_trimmed(kind, at + start[known], at + end[known])))


def _trimmed(kind: marks.Kinds, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Leave out what the normal form drops at the edges of spans, unless nothing is left."""
    low, high = start.copy(), end.copy()
    for edge, step, shift in ((low, 1, 1), (high, -1, 0)):  # the kind of code point i is item i + 1
        going = np.flatnonzero(low < high)
        while len(going):
            going = going[kind[edge[going] + shift] != marks.WORD]
            edge[going] += step
            going = going[low[going] < high[going]]
    left = low < high
    return np.where(left, low, start), np.where(left, high, end)


def _keys(start: Ints, end: Ints) -> Ints:
    """Make one number of a place in a batch."""
    return start << 32 | end


def _among(keys: Ints, known: Ints) -> NDArray[np.bool_]:
    """Tell which keys are among the known ones, which are sorted."""
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: NDArray[np.bool_] = known[at] == keys
    return found


def total(folder: Path, parts: Sequence[str], entries: int, *, what: str = "occurrences") -> Places:
    """Add up what was counted of each entry: "occurrences", or those that are "linked"."""
    sums: Places = np.zeros(entries, np.uint64)
    for part in parts:
        with pa.OSFile(str(folder / part)) as source, pa.ipc.open_file(source) as found:
            for number in range(found.num_record_batches):
                batch = found.get_batch(number)
                sums[np.cumsum(batch["step"].to_numpy(), dtype=np.int64)] += batch[what].to_numpy()
    return sums


def unlinked(linked: Places, occurrences: Places) -> Places:
    """Return how often names stand in text without a link.

    None, where there are more links than places: they were counted in another text, or stand where no scan
    finds a name, as in the middle of a word.
    """
    return occurrences - np.minimum(linked, occurrences)


def link_probabilities(linked: Places, occurrences: Places) -> NDArray[np.float32]:
    """Return linked / (linked + unlinked), at most 1 and 0 for what was never seen.

    >>> link_probabilities(np.array([1, 5, 0], np.uint64), np.array([4, 2, 0], np.uint64)).tolist()
    [0.25, 1.0, 0.0]
    """
    places = np.maximum(linked, occurrences)
    return (linked / np.maximum(places, 1)).astype(np.float32)

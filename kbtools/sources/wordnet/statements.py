"""Pointers become triples; verb frames, example sentences and places of adjectives become literals.

Pointers and frames that are about words of a synset, not about all of it, have qualifiers: `source_word` and
`target_word` hold the places of the words in their synsets, `source_sense` and `target_sense` their keys.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.named import NamedPart
from kbtools.sources.wordnet import DATA
from kbtools.sources.wordnet.fields import Bools, Folder, Ints, code
from kbtools.sources.wordnet.senses import NONE, Senses, row_of
from kbtools.sources.wordnet.symbols import ABOUT_WORDS, FRAMES, PARTS, POINTERS
from kbtools.sources.wordnet.synsets import Synsets

_NUMBERED = re.compile(r"\s*(\d{1,9})\s+(\S.*?)\s*", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class _Literals(NamedTuple):
    """Literals of one relation: of which synset and word (0: all of them), and the value."""

    relation: str
    synset: Ints
    word: Ints
    value: pa.StringArray
    number: pa.Array | None


def write(found: Synsets, words: Senses, ids: pa.StringArray, dump: Folder) -> None:
    """Stage relations and statements; these are numbered line by line."""
    _relations(dump)
    kept, relation, target = _sound_pointers(found, ids, dump)
    of = found.pointers.synset[kept]
    literals = [_frames(found, ids, dump), *_sentences(found, words, dump), _positions(found, words)]
    lines = [of, *(some.synset for some in literals)]
    mine, *others = _numbered_by_line(lines, dump)
    relations = pa.array([known.id for known in POINTERS]).take(pa.array(relation))
    head, tail = ids.take(pa.array(of)), ids.take(pa.array(target))
    dump.out.add("triples", entity=head, relation=relations, tail=tail, statement=mine)
    columns = found.pointers.columns
    qualifiers = _Qualifiers(found, words, ids, dump.out)
    qualifiers.add("source", of, of, columns["source"][kept], mine)
    qualifiers.add("target", of, target, columns["word"][kept], mine)
    for some, statement in zip(literals, others, strict=True):
        dump.out.add(
            "literals", entity=ids.take(pa.array(some.synset)), relation=some.relation, datatype="string",
            value=some.value, number=some.number, statement=statement,
        )  # fmt: skip
        qualifiers.add("source", some.synset, some.synset, some.word, statement)


def _numbered_by_line(lines: list[Ints], dump: Folder) -> list[Any]:
    """Give statements of several kinds numbers, in the order of the synsets they are about."""
    joined = np.concatenate(lines)
    numbers = np.empty(len(joined), np.uint32)
    numbers[np.argsort(joined, kind="stable")] = dump.out.statements(len(joined))
    return np.split(numbers, np.cumsum([len(some) for some in lines])[:-1])


def _relations(dump: Folder) -> None:
    for relation in [*POINTERS, *ABOUT_WORDS]:
        about = f"{relation.about}; pointer {relation.symbol}" if relation.symbol else relation.about
        label = relation.id.replace("_", " ")
        dump.out.add(
            "relations", relation=relation.id, label=label, description=about, inverse=relation.inverse
        )


def _sound_pointers(found: Synsets, ids: pa.StringArray, dump: Folder) -> tuple[Bools, Ints, Ints]:
    """Return which pointers are sound, and their relations (places in POINTERS) and targets (rows)."""
    of, columns = found.pointers
    part, symbol = found.part[of], columns["symbol"]
    relation = np.full(len(of), NONE)
    for place, known in enumerate(POINTERS):
        mine = symbol == code(known.symbol)
        relation[mine if known.part is None else mine & (part == PARTS.index(known.part))] = place
    target = row_of(found, columns["target"])
    counts = np.append(np.bincount(found.words.synset, minlength=len(found.key)), 0)
    strays = (columns["source"] > counts[of]) | (columns["word"] > counts[target])
    done = np.zeros(len(of), bool)
    for reason, wrong in (
        ("an unknown pointer symbol", relation == NONE),
        ("not a pointer: no offset, part of speech and word numbers", columns["target"] == NONE),
        ("a pointer to a synset that does not exist", target == NONE),
        ("a pointer from or to a word that its synset does not have", strays),
    ):
        for row in np.flatnonzero(wrong & ~done).tolist():
            fields, at = found.files[part[row]], columns["at"][row]
            text = fields.data[fields.starts[at] : fields.ends[at + 3]]
            snippet = ids[of[row]].as_py().encode() + b" " + text
            dump.reject(DATA[part[row]], reason, found.line[of[row]], snippet)
        done |= wrong
    return ~done, relation[~done], target[~done]


class _Qualifiers:
    """Names the words that statements are about."""

    def __init__(self, found: Synsets, words: Senses, ids: pa.StringArray, out: NamedPart) -> None:
        self._first = np.searchsorted(found.words.synset, np.arange(len(found.key)))
        self._words, self._ids, self._out = words, ids, out

    def add(self, end: str, head: Ints, synset: Ints, word: Ints, statement: Any) -> None:
        """Stage the place and the sense key of word `word` of `synset`, for statements of `head`."""
        named, place = np.flatnonzero(word > 0), ("source", "target").index(end)
        entity, statements = self._ids.take(pa.array(head[named])), statement[named]
        number = pa.array(word[named])
        self._out.add(
            "qualifiers", entity=entity, statement=statements, relation=f"{end}_word", datatype="quantity",
            value=number.cast(pa.string()), number=number, ord=place,
        )  # fmt: skip
        key = self._words.key.take(pa.array(self._first[synset[named]] + word[named] - 1))
        self._out.add(
            "qualifiers", entity=entity, statement=statements, relation=f"{end}_sense",
            datatype="external-id", value=key, ord=place + 2,
        )  # fmt: skip


def _frames(found: Synsets, ids: pa.StringArray, dump: Folder) -> _Literals:
    of, columns = found.frames
    frame, word = columns["frame"], columns["word"]
    texts = _numbered(dump, "frames.vrb") if "frames.vrb" in dump else FRAMES
    counts = np.bincount(found.words.synset, minlength=len(found.key))
    wrong = ~np.isin(frame, [*texts]) | (word > counts[of])
    for row in np.flatnonzero(wrong).tolist():
        text = f"{ids[of[row]].as_py()} + {frame[row]:02d} {word[row]:02x}"
        dump.reject(DATA[found.part[of[row]]], "not a known frame of a verb", found.line[of[row]], text)
    of, frame, word = of[~wrong], frame[~wrong], word[~wrong]
    return _Literals("verb_frame", of, word, _look_up(texts, frame), pa.array(frame))


def _sentences(found: Synsets, words: Senses, dump: Folder) -> list[_Literals]:
    """Read `key 12,13` of sentidx.vrb: sentences of sents.vrb that the verb fits into."""
    if "sents.vrb" not in dump or "sentidx.vrb" not in dump:
        return []
    texts = _numbered(dump, "sents.vrb")
    keys, numbers = list[str](), list[int]()
    for number, line in enumerate(dump.fields("sentidx.vrb").data.decode().split("\n")):
        key, *wanted = line.replace(",", " ").split() or [""]
        listed = [int(one) for one in wanted if _NUMBER.fullmatch(one)]
        if len(listed) < len(wanted) or not texts.keys() >= {*listed}:
            dump.reject("sentidx.vrb", "not a key and numbers of sentences", number, line)
            continue
        if key and not listed:
            dump.skip("verbs of sentidx.vrb without a sentence", 1)
        keys += [key] * len(listed)
        numbers += listed
    word = pc.index_in(pa.array(keys, pa.string()), value_set=words.key)
    dump.skip("sentences for senses that no data file has", word.null_count)
    row, number = word.drop_null().to_numpy(), pa.array(numbers, pa.int64()).filter(word.is_valid())
    of, place = found.words.synset[row], found.words.columns["number"][row]
    return [_Literals("verb_sentence", of, place, _look_up(texts, number.to_numpy()), number)]


def _positions(found: Synsets, words: Senses) -> _Literals:
    row = np.flatnonzero(pc.not_equal(words.marker, "").to_numpy(zero_copy_only=False))
    of, place = found.words.synset[row], found.words.columns["number"][row]
    return _Literals("adjective_position", of, place, words.marker.take(pa.array(row)), None)


def _numbered(dump: Folder, name: str) -> dict[int, str]:
    """Read lines of a number and a text."""
    found = {}
    for number, line in enumerate(dump.fields(name).data.decode().split("\n")):
        if match := _NUMBERED.fullmatch(line):
            found[int(match[1])] = match[2]
        elif line.strip():
            dump.reject(name, "not a number and a text", number, line)
    return found


def _look_up(texts: dict[int, str], numbers: Ints) -> pa.StringArray:
    places = np.searchsorted(ordered := np.array(sorted(texts), np.int64), numbers)
    return pa.array([texts[number] for number in ordered.tolist()], pa.string()).take(pa.array(places))

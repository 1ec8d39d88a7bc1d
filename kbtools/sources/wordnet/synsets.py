"""The data files: every synset with its words, pointers, verb frames and gloss, as columns.

A line of a data file, https://wordnet.princeton.edu/documentation/wndb5wn:

    offset lex_filenum ss_type w_cnt  word lex_id ...  p_cnt  symbol offset pos source/target ...
        f_cnt  + f_num w_num ...  |  gloss

w_cnt, lex_id, source/target and w_num are hexadecimal; f_cnt and what follows it are in data.verb only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.sources.wordnet.fields import Bools, Fields, Folder, Ints, code, ragged
from kbtools.sources.wordnet.symbols import PARTS, TYPES

SHIFT = 100_000_000  # a synset's key: its part of speech times this, and its offset
_PART_OF = {code(part): number for number, part in enumerate(PARTS)} | {code("s"): PARTS.index("a")}


Wrong = list[tuple[str, Bools]]  # reasons, and the lines that have them; a line has one at most


class Rows(NamedTuple):
    """Of each row of words, pointers or frames: its synset (a row number), and the columns."""

    synset: Ints
    columns: dict[str, Any]


class Synsets(NamedTuple):
    """The synsets of all four files, in their order.

    words: number (from 1), text, lex_id · pointers: at (a field), symbol (a code), target (a key), source,
    word · frames: frame, word. Word numbers are 0 where the synset as a whole is meant.
    """

    key: Ints
    part: Ints
    type: Ints  # place in TYPES
    lexical_file: Ints
    line: Ints  # from 0, in its file
    gloss: pa.StringArray
    words: Rows
    pointers: Rows
    frames: Rows
    files: list[Fields]  # by part


def read(dump: Folder, names: Sequence[str]) -> Synsets:
    """Read the data files, in the order of PARTS; lines that are no synset are rejected."""
    return _join([_read(dump, name, part) for part, name in enumerate(names)])


def _join(found: list[Synsets]) -> Synsets:
    before = np.cumsum([0, *(len(one.key) for one in found)])[:-1]

    def rows(kind: Sequence[Rows]) -> Rows:
        synset = [one.synset + n for one, n in zip(kind, before, strict=True)]
        columns = {name: _concat([one.columns[name] for one in kind]) for name in kind[0].columns}
        return Rows(np.concatenate(synset), columns)

    key, part, types, lexical_file, line, gloss, words, pointers, frames, files = zip(*found, strict=True)
    whole = [_concat(column) for column in (key, part, types, lexical_file, line, gloss)]
    whole += [rows(words), rows(pointers), rows(frames), [one for many in files for one in many]]
    return Synsets(*whole)


def _concat(columns: Sequence[Any]) -> Any:
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else pa.concat_arrays(columns)


def _read(dump: Folder, name: str, part: int) -> Synsets:
    fields = dump.fields(name)
    lines = np.flatnonzero(fields.outdented())
    dump.out.counts["read"] += len(lines)
    first = fields.first[lines]
    bar = _bars(fields, lines)
    layout, wrong = _layout(fields, first, bar, fields.first[lines + 1], part)
    for reason, which in wrong:
        for line in lines[which].tolist():
            dump.reject(name, reason, line, fields.line(line))
    kept = ~np.logical_or.reduce([which for _, which in wrong])
    return _columns(fields, lines[kept], bar[kept], part, _Layout(*(column[kept] for column in layout)))


def _bars(fields: Fields, lines: Ints) -> Ints:
    """Return, of each line, the field that is the bar before the gloss; without one, a later line's."""
    bars = np.flatnonzero((fields.ends - fields.starts)[:-1] == 1)
    bars = np.append(bars[fields.bytes[fields.starts[bars]] == ord("|")], len(fields.starts) - 1)
    return bars[np.searchsorted(bars, fields.first[lines])]


class _Layout(NamedTuple):
    """Of each line: what stands where."""

    first: Ints
    offset: Ints
    lexical_file: Ints
    type: Ints
    words: Ints
    pointers: Ints
    frames: Ints


def _layout(fields: Fields, first: Ints, bar: Ints, following: Ints, part: int) -> tuple[_Layout, Wrong]:
    offset, sound = fields.numbers(first, 8)
    sound &= fields.ends[first] - fields.starts[first] == 8
    lexical_file, is_number = fields.numbers(first + 1, 2)
    words, are_words = fields.numbers(first + 3, 2, base=16)
    types = _types(fields.codes(first + 2))
    sound &= is_number & are_words & (words > 0) & (types >= 0)
    foreign = sound & (np.where(types == TYPES.index("s"), PARTS.index("a"), types) != part)
    at = first + 4 + 2 * words
    pointers, adds_up = fields.numbers(at, 6)
    at = at + 1 + 4 * pointers
    frames = np.zeros_like(pointers)
    if part == PARTS.index("v"):
        more = at < bar
        given, has = fields.numbers(at, 3)
        frames[more & has] = given[more & has]
        adds_up &= has | ~more
        at = at + np.where(more, 1 + 3 * frames, 0)
    adds_up &= at == bar
    wrong: Wrong = []
    done = np.zeros(len(first), bool)
    for reason, which in (
        ("no synset: offset, lexicographer file, type and number of words come first", ~sound),
        ("cut short: no bar and gloss", bar >= following),
        ("its type is that of another part of speech", foreign),
        ("its fields are not as many as its numbers of words, pointers and frames say", ~adds_up),
    ):
        wrong.append((reason, which & ~done))
        done |= which
    good = np.flatnonzero(~done)
    row, _, at = ragged(first[good] + 4, words[good], 2)
    lex_ids = np.zeros(len(first), bool)
    lex_ids[good[row[~fields.numbers(at + 1, 2, base=16)[1]]]] = True
    wrong.append(("a word without a lex_id, a hexadecimal number", lex_ids))
    done |= lex_ids
    again = ~done
    good = np.flatnonzero(~done)
    again[good[np.unique(offset[good], return_index=True)[1]]] = False
    wrong.append(("the offset of an earlier synset", again))
    return _Layout(first, offset, lexical_file, types, words, pointers, frames), wrong


def _types(codes: Ints) -> Ints:
    found = np.full(len(codes), -1, np.int64)
    for number, letter in enumerate(TYPES):
        found[codes == code(letter)] = number
    return found


def _columns(fields: Fields, lines: Ints, bar: Ints, part: int, layout: _Layout) -> Synsets:
    gloss = fields.slices(fields.ends[bar], fields.line_ends[lines])
    row, place, at = ragged(layout.first + 4, layout.words, 2)
    lex_id = fields.numbers(at + 1, 2, base=16)[0]
    words = Rows(row, {"number": place + 1, "text": fields.texts(at), "lex_id": lex_id})
    begin = layout.first + 5 + 2 * layout.words
    row, _, at = ragged(begin, layout.pointers, 4)
    pointers = Rows(row, {"at": at, "symbol": fields.codes(at), **_pointers(fields, at)})
    row, _, at = ragged(begin + 4 * layout.pointers + 1, layout.frames, 3)
    frame, sound = fields.numbers(at + 1, 2)
    word, named = fields.numbers(at + 2, 2, base=16)
    frames = Rows(row, {"frame": np.where(sound & named, frame, -1), "word": word})
    return Synsets(
        part * SHIFT + layout.offset, np.full(len(lines), part), layout.type, layout.lexical_file, lines,
        pc.utf8_trim_whitespace(gloss), words, pointers, frames, [fields],
    )  # fmt: skip


def _pointers(fields: Fields, at: Ints) -> dict[str, Any]:
    """Return where pointers lead: a key, or -1 for what cannot be read, and the words at both ends."""
    offset, sound = fields.numbers(at + 1, 8)
    parts = fields.codes(at + 2)
    part = np.full(len(at), -1, np.int64)
    for letter, number in _PART_OF.items():
        part[parts == letter] = number
    words, named = fields.numbers(at + 3, 4, base=16)
    sound &= named & (part >= 0) & (fields.ends[at + 3] - fields.starts[at + 3] == 4)
    return {"target": np.where(sound, part * SHIFT + offset, -1), "source": words >> 8, "word": words & 255}

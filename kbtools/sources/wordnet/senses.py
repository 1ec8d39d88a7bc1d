"""Words and their senses: keys, numbers and tag counts, and the exception lists."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.sources.wordnet import PARTS as FILES
from kbtools.sources.wordnet.fields import Bools, Folder, Ints, code, ragged
from kbtools.sources.wordnet.symbols import PARTS, TYPES
from kbtools.sources.wordnet.synsets import SHIFT, Synsets

NONE = -1
_SATELLITE, _ADJECTIVE = TYPES.index("s"), PARTS.index("a")
_MARKER = r"\((?P<m>a|p|ip)\)$"


class Senses(NamedTuple):
    """The words of all synsets, row by row: `lemma` is the text in lower case with underscores, as in keys.

    `number` of the sense and `tags`, how often it was tagged, are NONE where no file tells.
    """

    text: pa.StringArray
    marker: pa.StringArray  # where an adjective may stand: "a", "p", "ip" or ""
    lemma: pa.StringArray
    key: pa.StringArray
    again: Bools  # the synset has had it already, in other case (`A` and `a`): they are one sense
    number: Ints
    tags: Ints


def find(synsets: Synsets, dump: Folder) -> Senses:
    """Give each word its sense key, and what index.sense and cntlist.rev know of that key."""
    words = synsets.words
    text, marker = _without_marker(words.columns["text"], synsets.part[words.synset])
    lemma = pc.utf8_lower(text)
    key = _keys(synsets, lemma)
    if "index.sense" in dump:
        number, count = _index_sense(dump, key, synsets)
    else:
        number, count = _indexes(dump, lemma, synsets), np.full(len(key), NONE)
    if "cntlist.rev" in dump and not (count > 0).any():
        count = _counts(dump, key)
    spaced = pc.replace_substring(text, "_", " ")
    return Senses(spaced, marker, lemma, key, _again(lemma, words.synset), number, count)


def _again(lemma: pa.StringArray, of: Ints) -> Bools:
    code = pc.dictionary_encode(lemma).indices.to_numpy().astype(np.int64)
    again = np.ones(len(of), bool)
    again[np.unique(of * (int(code.max(initial=0)) + 1) + code, return_index=True)[1]] = False
    return again


def _without_marker(words: pa.StringArray, part: Ints) -> tuple[pa.StringArray, pa.StringArray]:
    """Part `galore(ip)` into the word and where it may stand."""
    marked = pc.and_(pa.array(part == _ADJECTIVE), pc.match_substring_regex(words, "." + _MARKER))
    bare = pc.if_else(marked, pc.replace_substring_regex(words, _MARKER, ""), words)
    found = pc.struct_field(pc.extract_regex(words, _MARKER), "m")
    return bare, pc.if_else(marked, found, "")


def _keys(synsets: Synsets, lemma: pa.StringArray) -> pa.StringArray:
    """Return sense keys, lemma%type:file:id:head:head_id, https://wordnet.princeton.edu/documentation/senseidx5wn."""
    of, lex_id = synsets.words.synset, synsets.words.columns["lex_id"]
    head = _heads(synsets)[of]
    first = np.searchsorted(of, head)  # the head's first word
    two = pa.array([f"{number:02d}" for number in range(256)])
    no_head = pa.array(head == NONE)
    first[head == NONE] = 0
    numbers = [pa.array([str(n + 1) for n in range(len(TYPES))]).take(pa.array(synsets.type[of]))]
    numbers += [two.take(pa.array(synsets.lexical_file[of])), two.take(pa.array(lex_id))]
    numbers += [pc.if_else(no_head, "", lemma.take(pa.array(first)))]
    numbers += [pc.if_else(no_head, "", two.take(pa.array(lex_id[first])))]
    return pc.binary_join_element_wise(lemma, pc.binary_join_element_wise(*numbers, ":"), "%")


def _heads(synsets: Synsets) -> Ints:
    """Return, of each synset, the row of the head it is a satellite of, or NONE."""
    pointers = synsets.pointers
    similar = (pointers.columns["symbol"] == code("&")) & (synsets.type[pointers.synset] == _SATELLITE)
    of, target = pointers.synset[similar], row_of(synsets, pointers.columns["target"][similar])
    sound = (target != NONE) & (synsets.type[target] != _SATELLITE)
    of, target = of[sound], target[sound]
    heads = np.full(len(synsets.key), NONE)
    heads[of[::-1]] = target[::-1]  # the first one counts
    return heads


def row_of(synsets: Synsets, keys: Ints) -> Ints:
    """Return the rows of synsets, NONE where there is no such synset."""
    if not len(synsets.key):
        return np.full(len(keys), NONE)
    order = np.argsort(synsets.key)
    place = np.minimum(np.searchsorted(synsets.key, keys, sorter=order), len(order) - 1)
    rows = order[place]
    return np.where(synsets.key[rows] == keys, rows, NONE)


def _index_sense(dump: Folder, key: pa.StringArray, synsets: Synsets) -> tuple[Ints, Ints]:
    """Read `key offset number count` → number and count of each word."""
    keys, (offset, number, count) = _table(dump, "index.sense", (8, 4, 9))
    at = _places(key, keys)
    known = at != NONE
    own = synsets.key[synsets.words.synset] % SHIFT
    if (offset[at[known]] != own[known]).any():
        dump.warn("index.sense is of another release than the data files: its offsets differ")
    missing = len(keys) - len(np.unique(at[known]))
    dump.skip("senses of index.sense that no data file has", missing)
    return np.where(known, number[at], NONE), np.where(known, count[at], 0)


def _counts(dump: Folder, key: pa.StringArray) -> Ints:
    """Read `key number count` → count of each word; heads in these keys still have their markers."""
    keys, (_, count) = _table(dump, "cntlist.rev", (4, 9))
    at = _places(key, pc.replace_substring_regex(keys, r"\((a|p|ip)\):", ":"))
    missing = len(keys) - len(np.unique(at[at != NONE]))
    dump.skip("senses of cntlist.rev that no data file has", missing)
    return np.where(at != NONE, count[at], 0)


def _table(dump: Folder, name: str, digits: tuple[int, ...]) -> tuple[pa.StringArray, list[Ints]]:
    """Read lines of a key and numbers."""
    fields = dump.fields(name)
    first, sizes = fields.first[:-1], np.diff(fields.first)
    read = [fields.numbers(first + place, size) for place, size in enumerate(digits, 1)]
    sound = np.logical_and.reduce([sizes == len(digits) + 1, *(ok for _, ok in read)])
    for line in np.flatnonzero(~sound & (sizes > 0)).tolist():
        dump.reject(name, "not a key and its numbers", line, fields.line(line))
    # a last row for the place NONE
    return fields.texts(first[sound]), [np.append(values[sound], NONE) for values, _ in read]


def _places(values: pa.Array, among: pa.Array) -> Ints:
    found: Ints = pc.index_in(values, value_set=among).fill_null(NONE).to_numpy().astype(np.int64)
    return found


def _indexes(dump: Folder, lemma: pa.StringArray, synsets: Synsets) -> Ints:
    """Read `lemma pos n ... offset ...` of index.noun and its like: the n offsets are in order of senses."""
    of = synsets.words.synset
    number = np.full(len(lemma), NONE)
    for part, name in enumerate(f"index.{part}" for part in FILES):
        if name not in dump:
            continue
        fields = dump.fields(name)
        lines = np.flatnonzero(fields.outdented())
        first, after = fields.first[lines], fields.first[lines + 1]
        n, sound = fields.numbers(first + 2, 4)
        sound &= after - first >= n + 6
        for line in lines[~sound].tolist():
            dump.reject(name, "not an entry of an index", line, fields.line(line))
        first, after, n = first[sound], after[sound], n[sound]
        entry, place, at = ragged(after - n, n)
        mine = np.flatnonzero(synsets.part[of] == part)
        entry_of = _places(lemma.take(pa.array(mine)), fields.texts(first))
        listed = _pairs(entry, fields.numbers(at, 8)[0], entry_of, synsets.key[of[mine]] % SHIFT)
        number[mine] = np.where(listed == NONE, NONE, np.append(place, NONE)[listed] + 1)
    return number


def _pairs(entry: Ints, offset: Ints, wanted_entry: Ints, wanted_offset: Ints) -> Ints:
    """Find pairs among pairs → their places, or NONE."""
    has, wants = entry * SHIFT + offset, wanted_entry * SHIFT + wanted_offset
    if not len(has):
        return np.full(len(wants), NONE)
    order = np.argsort(has, kind="stable")
    place = order[np.minimum(np.searchsorted(has, wants, sorter=order), len(has) - 1)]
    return np.where((has[place] == wants) & (wanted_entry != NONE), place, NONE)


def exceptions(dump: Folder, part: int, senses: Senses, synsets: Synsets) -> tuple[pa.StringArray, Ints]:
    """Read `inflected base ...` → inflected forms, and rows of the words they are forms of."""
    name = f"{FILES[part]}.exc"
    fields = dump.fields(name)
    first, n = fields.first[:-1], np.diff(fields.first) - 1
    for line in np.flatnonzero(n == 0).tolist():
        dump.reject(name, "a form without a base", line, fields.line(line))
    form, _, at = ragged(first + 1, np.maximum(n, 0))
    bases, forms = fields.texts(at), fields.texts(first[form])
    mine = np.flatnonzero(synsets.part[synsets.words.synset] == part)
    names = pc.unique(bases)
    base_of = _places(senses.lemma.take(pa.array(mine)), names)
    mine, base_of = mine[base_of != NONE], base_of[base_of != NONE]
    order = np.argsort(base_of, kind="stable")
    wanted = _places(bases, names)
    begin = np.searchsorted(base_of, wanted, sorter=order)
    found = np.searchsorted(base_of, wanted, side="right", sorter=order) - begin
    dump.skip("exceptions whose base is no word", int((found == 0).sum()))
    row, _, place = ragged(begin, found)
    return forms.take(pa.array(row)), mine[order[place]]

"""What is said of synsets and their words, but for statements: names, glosses, keys, supersenses."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.kb.named import NamedPart
from kbtools.sources.wordnet import DATA, PARTS, senses
from kbtools.sources.wordnet.fields import Folder
from kbtools.sources.wordnet.glosses import apart
from kbtools.sources.wordnet.senses import NONE, Senses
from kbtools.sources.wordnet.symbols import LEXICAL_FILES, TYPES
from kbtools.sources.wordnet.symbols import PARTS as LETTERS
from kbtools.sources.wordnet.synsets import SHIFT, Synsets

SOURCE = "wordnet"  # of descriptions, unless an example has an author


def write(found: Synsets, words: Senses, dump: Folder) -> pa.StringArray:
    """Stage them; return the synsets' ids."""
    ids, out = _ids(found), dump.out
    _entities(found, words, ids, out)
    _surfaces(found, words, ids, out)
    for part, name in enumerate(PARTS):
        if f"{name}.exc" in dump:
            _exceptions(dump, part, found, words, ids)
    _xref(found, words, ids, out)
    _supersenses(found, ids, dump)
    return ids


def _ids(found: Synsets) -> pa.StringArray:
    """Return `02084071-n`, of each synset."""
    letters = np.array([f"-{letter}" for letter in LETTERS])[found.part]
    offsets = np.char.zfill((found.key % SHIFT).astype("U8"), 8)
    return pa.array(np.char.add(offsets, letters), pa.string())


def _entities(found: Synsets, words: Senses, ids: pa.StringArray, out: NamedPart) -> None:
    of = found.words.synset
    freq = None
    if (words.tags != NONE).any():
        tags = np.zeros(len(ids), np.int64)
        np.add.at(tags, of, np.where(words.again, 0, np.maximum(words.tags, 0)))
        freq = pa.array(tags)
    label = words.text.take(pa.array(np.searchsorted(of, np.arange(len(ids)))))
    definition = _descriptions(found, ids, out)
    line = pa.array(found.line)
    out.add(
        "entities", entity=ids, kind="synset", label=label, description=definition, lang="en", freq=freq,
        line=line,
    )  # fmt: skip
    out.add("labels", entity=ids, lang="en", text=label)


def _descriptions(found: Synsets, ids: pa.StringArray, out: NamedPart) -> pa.StringArray:
    """Stage definitions and examples; return the definitions, null where there is none."""
    with_quotes = np.flatnonzero(pc.match_substring(found.gloss, '"').to_numpy(zero_copy_only=False))
    parted = [apart(gloss) for gloss in found.gloss.take(pa.array(with_quotes)).to_pylist()]
    mask = np.zeros(len(ids), bool)
    mask[with_quotes] = True
    definition = pc.replace_with_mask(
        pc.utf8_trim(found.gloss, ";:, "), pa.array(mask), pa.array([kept for kept, _ in parted], pa.string())
    )
    has = pc.not_equal(definition, "")
    out.add(
        "descriptions", entity=ids.filter(has), lang="en", kind="definition", text=definition.filter(has),
        source=SOURCE,
    )  # fmt: skip
    row = np.repeat(with_quotes, [len(examples) for _, examples in parted])
    texts = [example.text for _, examples in parted for example in examples]
    authors = [example.by or SOURCE for _, examples in parted for example in examples]
    of = ids.take(pa.array(row))
    out.add("descriptions", entity=of, lang="en", kind="example", text=texts, source=authors)
    return pc.if_else(has, definition, None)


def _surfaces(found: Synsets, words: Senses, ids: pa.StringArray, out: NamedPart) -> None:
    of = found.words.synset
    pos = pa.array(list(TYPES)).take(pa.array(found.type))
    count = pa.array(words.tags, mask=words.tags == NONE)
    for source, which in (("lemma", ~words.again), ("alias", words.again)):
        row = np.flatnonzero(which)
        mine, synset = pa.array(row), pa.array(of[row])
        out.add(
            "surfaces", entity=ids.take(synset), text=words.text.take(mine), lang="en", source=source,
            pos=pos.take(synset), count=count.take(mine) if source == "lemma" else None,
            atom=words.key.take(mine),
        )  # fmt: skip


def _exceptions(dump: Folder, part: int, found: Synsets, words: Senses, ids: pa.StringArray) -> None:
    form, word = senses.exceptions(dump, part, words, found)
    of = found.words.synset[word]
    rows = pa.table({"form": pc.replace_substring(form, "_", " "), "of": of})
    rows = rows.group_by(["form", "of"], use_threads=False).aggregate([])  # a form may have two bases here
    of = rows["of"].combine_chunks()
    pos = pa.array(list(TYPES)).take(pa.array(found.type)).take(of)
    dump.out.add("surfaces", entity=ids.take(of), text=rows["form"], lang="en", source="exception", pos=pos)


def _xref(found: Synsets, words: Senses, ids: pa.StringArray, out: NamedPart) -> None:
    """Stage sense keys, and the numbers of senses as `dog#n#1`."""
    of = ids.take(pa.array(found.words.synset))
    first = pa.array(~words.again)
    out.add("xref", entity=of.filter(first), scheme="sense_key", value=words.key.filter(first))
    numbered = pc.and_(first, pa.array(words.number != NONE))
    part = pa.array(list(LETTERS)).take(pa.array(found.part[found.words.synset]))
    number = pa.array(words.number).cast(pa.string())
    sense = pc.binary_join_element_wise(words.lemma, part, number, "#")
    out.add("xref", entity=of.filter(numbered), scheme="sense", value=sense.filter(numbered))


def _supersenses(found: Synsets, ids: pa.StringArray, dump: Folder) -> None:
    """Make the lexicographer files concepts, and types of the synsets in them."""
    names = _lexnames(dump) if "lexnames" in dump else LEXICAL_FILES
    unknown = ~np.isin(found.lexical_file, [*names])
    for row in np.flatnonzero(unknown).tolist():
        what = f"no lexicographer file has the number {found.lexical_file[row]:02d}"
        dump.reject(DATA[found.part[row]], what, found.line[row], ids[row].as_py())
    numbers = np.unique(found.lexical_file[~unknown])
    concepts = [names[number] for number in numbers.tolist()]
    about = [f"WordNet's lexicographer file {number:02d}, a supersense" for number in numbers.tolist()]
    out = dump.out
    out.add("entities", entity=concepts, kind="concept", label=concepts, description=about, lang="en")
    out.add("labels", entity=concepts, lang="en", text=concepts)
    out.add("surfaces", entity=concepts, text=concepts, lang="en", source="label")
    of = pa.array(np.searchsorted(numbers, found.lexical_file[~unknown]))
    out.add("types", entity=ids.filter(pa.array(~unknown)), type=pa.array(concepts, pa.string()).take(of))


def _lexnames(dump: Folder) -> dict[int, str]:
    """Read `number name part` → names by number."""
    fields = dump.fields("lexnames")
    first, sizes = fields.first[:-1], np.diff(fields.first)
    number, sound = fields.numbers(first, 2)
    sound &= sizes >= 2
    for line in np.flatnonzero(~sound & (sizes > 0)).tolist():
        dump.reject("lexnames", "not a number and a name", line, fields.line(line))
    return dict(zip(number[sound].tolist(), fields.texts(first[sound] + 1).to_pylist(), strict=True))

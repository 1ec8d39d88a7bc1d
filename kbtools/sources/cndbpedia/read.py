"""Read CN-DBpedia's triples and mentions, in columns; only values with markup are looked at one by one.

Memory: a few blocks of the file.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.artefact import Outcome
from kbtools.io import Block
from kbtools.io.delimited import split
from kbtools.kb.named import NamedPart, read_blocks
from kbtools.sources._lines import keep_full, reject_bad
from kbtools.sources.cndbpedia import attributes, markup
from kbtools.sources.cndbpedia.attributes import DESCRIPTION, NAME, TAG

SOURCE = "CN-DBpedia"
TITLE = r"^(?P<label>.*[^\s（(])\s*[（(](?P<note>[^（()）]*)[）)]$"  # of one of several namesakes
UNUSUAL = r"[、，,;；/|（(]|等$|^[-—无暂没不未待空]"  # what `split_names` looks for
CONCEPT = 1  # `order`: what lines of its own say of an entity goes before

Rows = NDArray[np.int64]


class Links(NamedTuple):
    """Targets of links and the rows they stand in; rows that hold nothing but links."""

    row: Rows
    target: pa.StringArray
    alone: NDArray[np.bool_]


def triples(folder: Path, *, piece: dict[str, Any], part: str, lang: str) -> Outcome:
    """Stage one piece of a file of triples."""
    return read_blocks(folder, piece, part, partial(_triples, lang=lang, relations=set()))


def mentions(folder: Path, *, piece: dict[str, Any], part: str, lang: str) -> Outcome:
    """Stage one piece of a mention2entity file."""
    return read_blocks(folder, piece, part, partial(_mentions, lang=lang))


def _mentions(block: Block, out: NamedPart, *, lang: str) -> None:
    found = split(block, b"\t", fields=2, wanted=[0, 1])
    reject_bad(out, found)
    texts = [_names(column) for column in found.columns]
    (names, entities), _ = keep_full(out, block, found, texts, ("mention", "entity"))
    seen = entities.unique()
    _entities(out, seen, np.zeros(len(seen), bool), lang)
    out.add("surfaces", entity=entities, text=names, lang=lang, source="alias")


def _triples(block: Block, out: NamedPart, *, lang: str, relations: set[str]) -> None:
    found = split(block, b"\t", fields=3, wanted=[0, 1, 2])
    reject_bad(out, found)
    values, links = _values(found.columns[2])
    (subjects, named, values), rows = keep_full(
        out,
        block,
        found,
        [_names(found.columns[0]), _names(found.columns[1]), values],
        ("entity", "attribute", "value"),
    )
    links = _among(links, rows)
    attribute = named.dictionary_encode()
    known = attribute.dictionary.to_pylist()
    role = np.array([attributes.role_of(name) for name in known], np.int8)[attribute.indices.to_numpy()]
    new = [name for name in known if name not in relations | attributes.DESCRIPTIONS]
    relations.update(new)
    out.add("relations", relation=new, label=new)

    statements = out.statements(len(rows))

    def relate(at: Rows, tails: pa.StringArray, otherwise: str | None = None) -> None:
        head, relation = (column.take(pa.array(at)) for column in (subjects, named))
        out.add(
            "triples",
            entity=head,
            relation=relation,
            tail=tails,
            statement=statements[at],
            otherwise=otherwise,
        )

    linking = role[links.row] < TAG
    out.counts["skipped: links in descriptions"] += int((role[links.row] == DESCRIPTION).sum())
    linked, targets = links.row[linking], links.target.filter(pa.array(linking))
    tagged = np.flatnonzero(role == TAG)
    tags = values.take(pa.array(tagged))
    bare = np.flatnonzero((role < TAG) & ~links.alone)
    relate(linked, targets)
    relate(tagged, tags)
    relate(bare, values.take(pa.array(bare)), otherwise="string")
    out.add("types", entity=subjects.take(pa.array(tagged)), type=tags)
    _entities(out, *_seen(subjects, linked, targets, tagged, tags), lang)
    _describe(out, subjects, values, np.flatnonzero(role == DESCRIPTION), lang)
    _name(out, subjects, attribute, values, at=np.flatnonzero(role == NAME), lang=lang)


def _names(column: pa.StringArray) -> pa.StringArray:
    """Strip blanks, resolve character references."""
    column = pc.utf8_trim_whitespace(column)
    odd = pc.match_substring(column, "&")
    if not pc.any(odd).as_py():
        return column
    names = [markup.one_line_of(text) for text in column.filter(odd).to_pylist()]
    return pc.replace_with_mask(column, odd, pa.array(names, pa.string()))


def _values(column: pa.StringArray) -> tuple[pa.StringArray, Links]:
    """Strip blanks and markup, and find the links."""
    column = pc.utf8_trim_whitespace(column)
    odd = pc.or_(pc.match_substring(column, "<"), pc.match_substring(column, "&"))
    rows = np.flatnonzero(odd.to_numpy(zero_copy_only=False))
    read = [markup.read_value(text) for text in column.take(pa.array(rows)).to_pylist()]
    if read:
        column = pc.replace_with_mask(column, odd, pa.array([value.text for value in read], pa.string()))
    alone = np.zeros(len(column), bool)
    alone[rows] = [not value.more for value in read]
    targets = pa.array([target for value in read for target in value.links], pa.string())
    at = np.repeat(rows, [len(value.links) for value in read])
    return column, Links(at, targets, alone)


def _among(links: Links, rows: Rows) -> Links:
    """Count rows anew where only some are left."""
    if len(rows) == len(links.alone):
        return links
    new = np.full(len(links.alone), -1)
    new[rows] = np.arange(len(rows))
    left = new[links.row] >= 0
    return Links(new[links.row][left], links.target.filter(pa.array(left)), links.alone[rows])


def _seen(
    subjects: pa.StringArray, linked: Rows, targets: pa.StringArray, tagged: Rows, tags: pa.StringArray
) -> tuple[pa.StringArray, NDArray[np.bool_]]:
    """Return what the block speaks of in the order of the lines, and which of it are tags.

    A title that is also a tag comes twice.
    """
    first = np.ones(len(subjects), bool)  # lines of one entity stand together
    first[1:] = pc.not_equal(subjects[1:], subjects[:-1]).to_numpy(zero_copy_only=False)
    begin = np.flatnonzero(first)
    texts = pa.concat_arrays([subjects.take(pa.array(begin)), targets, tags])
    order = np.argsort(np.concatenate([2 * begin, 2 * linked + 1, 2 * tagged + 1]), kind="stable")
    is_tag = np.arange(len(texts)) >= len(texts) - len(tags)
    codes = 2 * texts.dictionary_encode().indices.to_numpy().astype(np.int64) + is_tag
    found = order[np.sort(np.unique(codes[order], return_index=True)[1])]
    return texts.take(pa.array(found)), is_tag[found]


def _entities(out: NamedPart, titles: pa.StringArray, tags: NDArray[np.bool_], lang: str) -> None:
    """Add entities and what their titles say of them."""
    labels, notes = titles, pa.nulls(len(titles), pa.string())
    ends = pc.or_(pc.ends_with(titles, "）"), pc.ends_with(titles, ")"))
    if pc.any(ends).as_py():
        found = pc.extract_regex(titles, TITLE)
        label, note = pc.struct_field(found, "label"), pc.struct_field(found, "note")
        labels = pc.coalesce(label, titles)
        note = pc.utf8_trim_whitespace(note)
        notes = pc.if_else(pc.equal(note, ""), pa.scalar(None, pa.string()), note)
    out.add(
        "entities",
        entity=titles,
        kind=np.where(tags, "concept", "entity").tolist(),
        label=labels,
        description=notes,
        lang=lang,
        order=np.where(tags, CONCEPT, 0),
    )
    out.add("labels", entity=titles, lang=lang, text=labels)
    out.add("surfaces", entity=titles, text=labels, lang=lang, source="label")
    noted = pc.not_equal(titles, labels)
    whole = titles.filter(noted)
    out.add("surfaces", entity=whole, text=whole, lang=lang, source="title")
    noted = pc.is_valid(notes)
    out.add(
        "descriptions",
        entity=titles.filter(noted),
        lang=lang,
        kind="short",
        text=notes.filter(noted),
        source=SOURCE,
    )


def _describe(out: NamedPart, subjects: pa.StringArray, values: pa.StringArray, at: Rows, lang: str) -> None:
    entities, texts = (column.take(pa.array(at)) for column in (subjects, values))
    texts = pc.replace_substring(texts, "|||", "\n")  # between paragraphs
    out.add("descriptions", entity=entities, lang=lang, kind="abstract", text=texts, source=SOURCE)


def _name(
    out: NamedPart,
    subjects: pa.StringArray,
    attribute: pa.DictionaryArray,
    values: pa.StringArray,
    *,
    at: Rows,
    lang: str,
) -> None:
    """Add the names that values list; most are one name."""
    spoken = [attributes.NAMES.get(attributes.plain(name)) for name in attribute.dictionary.to_pylist()]
    langs = pa.array([lang if name == "" else name for name in spoken], pa.string())
    langs = langs.take(attribute.indices.take(pa.array(at)))
    texts = values.take(pa.array(at))
    odd = pc.match_substring_regex(texts, UNUSUAL).to_numpy(zero_copy_only=False)
    names = [markup.split_names(text) for text in texts.filter(pa.array(odd)).to_pylist()]
    several = pa.array([name for each in names for name in each], pa.string())
    rows = np.concatenate(
        [np.flatnonzero(~odd), np.repeat(np.flatnonzero(odd), [len(each) for each in names])]
    ).astype(np.int64)
    out.add(
        "surfaces",
        entity=subjects.take(pa.array(at[rows])),
        text=pa.concat_arrays([texts.filter(pa.array(~odd)), several]),
        lang=langs.take(pa.array(rows)),
        source="alias",
    )

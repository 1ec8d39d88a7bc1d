"""OMW's .tab files: a header, then rows of an offset, a type and a text.

    # Chinese Open Wordnet <TAB> cmn <TAB> http://… <TAB> wordnet
    02084071-n <TAB> cmn:lemma <TAB> 狗
    02084071-n <TAB> cmn:def <TAB> 0 <TAB> 家养的犬科动物

- A row becomes a surface (lemmas; broken plurals and the like are forms), a gloss or an example.
- Satellites (`-s`) are known as adjectives, as in WordNet bases; `pos` keeps what the file says.
- In a row of four fields the third numbers definitions and examples; after a lemma the fourth is how often it
  was seen if it is a whole number, else a score, which is left out and counted.
- Chinese lemmas mark where 的 or 地 begins that makes an adjective or adverb of a word: `具体+的`. The lemma
  is 具体的, and 具体 is a form besides, for text has both.
- `_` in a lemma is a space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.io import Block
from kbtools.io.delimited import split
from kbtools.io.reading import BOM
from kbtools.kb.named import NamedPart
from kbtools.sources.wnlmf.languages import shorten

ID = r"^\d{8}-[a-z]$"
KINDS = {"def": "gloss", "exe": "example"}
MARKED = r"^(?P<stem>[^+\t]*[^+\t\s])\s*(?:\+[的地])+(?:\t.*)?$"


class Header(NamedTuple):
    """What the first line says of the file; empty where it says nothing."""

    name: str = ""
    lang: str = ""
    url: str = ""
    licence: str = ""

    @classmethod
    def of(cls, data: bytes) -> Header:
        """Read the first line if it is a header."""
        line = data.removeprefix(BOM).partition(b"\n")[0].decode("utf-8", "replace").rstrip("\r")
        if not line.startswith("#"):
            return cls()
        return cls(*[field.strip() for field in line.lstrip("# ").split("\t")][:4])


FAULTS: Sequence[
    tuple[Callable[[pa.Table], pa.ChunkedArray], str]
] = (  # what a row must be, and what is said of one that is not
    (lambda rows: pc.match_substring_regex(rows["id"], ID), "its id is no offset with a part of speech"),
    (lambda rows: pc.not_equal(rows["value"], ""), "no text"),
    (lambda rows: pc.less_equal(pc.count_substring(rows["value"], "\t"), 1), "more than 4 fields"),
)


class Tab:
    """Reads .tab files into one part; the first file to name a synset in a language labels it."""

    def __init__(self, out: NamedPart, *, several: bool) -> None:
        self.out, self.several = out, several
        self._labelled: dict[str, list[pa.Array]] = {}

    def read(self, data: bytes, name: str) -> None:
        """Read a file; `name` is what rejects call it if there are several."""
        header = Header.of(data)
        skip = len(BOM) if data.startswith(BOM) else 0
        fields = split(Block(data[skip:], skip, 0), b"\t", fields=3, wanted=[0, 1, 2], rest=True)
        file = name if self.several else None
        for bad in fields.bad:
            if not bad.text.startswith(b"#"):
                self.out.counts["read"] += 1
                self.out.reject(bad.reason, line=bad.line, byte=bad.byte, text=bad.text, file=file)
        rows = pa.table([*fields.columns, fields.line, fields.byte], ["id", "type", "value", "line", "byte"])
        rows = rows.filter(pc.invert(pc.starts_with(rows["id"], "#")))
        self.out.counts["read"] += len(rows)
        rows = rows.set_column(2, "value", pc.utf8_trim_whitespace(rows["value"]))
        for is_good, reason in FAULTS:
            good = is_good(rows)
            self._reject(rows.filter(pc.invert(good)), reason, file)
            rows = rows.filter(good)
        rows = rows.append_column("pos", pc.utf8_slice_codeunits(rows["id"], 9))
        rows = rows.set_column(0, "id", pc.replace_substring_regex(rows["id"], "-s$", "-a"))
        self._by_type(rows.combine_chunks(), header, name)

    def _reject(self, rows: pa.Table, reason: str, file: str | None) -> None:
        for row in rows.to_pylist():
            text = "\t".join((row["id"], row["type"], row["value"]))
            self.out.reject(reason, line=row["line"], byte=row["byte"], text=text, file=file)

    def _by_type(self, rows: pa.Table, header: Header, name: str) -> None:
        """Hand over the rows, type by type, and then their synsets as the file orders them."""
        own = shorten(header.lang)
        label, gloss = NOTHING, NOTHING
        alike: dict[tuple[str, ...], list[str]] = {}  # `lemma` is `cmn:lemma` where the header says cmn
        for kind in pc.unique(rows["type"]).to_pylist():
            head, *rest = kind.split(":")
            bare = head in {"lemma", *KINDS}
            alike.setdefault((own, head, *rest) if bare else (shorten(head), *rest), []).append(kind)
        for (lang, *what), kinds in alike.items():
            mine = rows.filter(pc.is_in(rows["type"], value_set=pa.array(kinds))).combine_chunks()
            if what == ["lemma"]:
                found = self._lemmas(mine, lang)
                label = found if lang == own else label
            elif what == ["lemma", "root"]:
                self.out.counts["skipped: roots of words"] += len(mine)
            elif what[:1] == ["lemma"]:
                self._surfaces(mine, lang, "form")
            elif len(what) == 1 and what[0] in KINDS:
                found = self._descriptions(mine, lang, KINDS[what[0]], header.name or name)
                gloss = found if what == ["def"] and lang == own else gloss
            else:
                self._reject(mine, f"unknown type {kinds[0]!r}", name if self.several else None)
        synsets = rows.take(_firsts(rows["id"]))
        self.out.add(
            "entities",
            entity=synsets["id"],
            kind="synset",
            label=label.of(synsets["id"]),
            description=gloss.of(synsets["id"]),
            lang=own or None,
            line=synsets["line"],
        )

    def _lemmas(self, rows: pa.Table, lang: str) -> Firsts:
        """Hand over lemmas; return the first of each synset."""
        stems = None
        if lang.startswith("zh"):
            stems = _stems(rows)
            rows = rows.set_column(2, "value", _unmarked(rows["value"]))
        entity, text = rows["id"], self._surfaces(rows, lang, "lemma")
        if stems is not None:
            both = pc.binary_join_element_wise(stems["id"], stems["value"], "\t")
            known = pc.is_in(both, value_set=pc.binary_join_element_wise(entity, text, "\t").combine_chunks())
            self._surfaces(stems.filter(pc.invert(known)), lang, "form")
        at = _firsts(entity)
        first = Firsts(entity.take(at).combine_chunks(), text.take(at).combine_chunks())
        seen = self._labelled.setdefault(lang, [])
        fresh = pc.is_null(pc.index_in(first.id, value_set=pa.concat_arrays([*seen, first.id[:0]])))
        self.out.add("labels", entity=first.id.filter(fresh), lang=lang, text=first.text.filter(fresh))
        seen.append(first.id.filter(fresh))
        return first

    def _surfaces(self, rows: pa.Table, lang: str, source: str) -> pa.ChunkedArray:
        """Hand over words; return them as they are meant."""
        fields = pc.extract_regex(rows["value"], r"(?s)^(?P<text>[^\t]*)(?P<more>.*)$")
        text = pc.replace_substring(pc.utf8_rtrim_whitespace(pc.struct_field(fields, "text")), "_", " ")
        more = pc.utf8_trim_whitespace(pc.struct_field(fields, "more"))
        is_count = pc.match_substring_regex(more, r"^\d{1,18}$")
        scores = len(rows) - (pc.sum(pc.or_(is_count, pc.equal(more, ""))).as_py() or 0)
        if scores:
            self.out.counts["skipped: scores of lemmas"] += scores
        self.out.add(
            "surfaces",
            entity=rows["id"],
            text=text,
            lang=lang or None,
            source=source,
            pos=rows["pos"],
            count=pc.if_else(is_count, more, None).cast(pa.uint64()),
        )
        return text

    def _descriptions(self, rows: pa.Table, lang: str, kind: str, source: str) -> Firsts:
        """Hand over glosses or examples; return the first of each synset."""
        text = pc.replace_substring(pc.replace_substring_regex(rows["value"], r"^\d+\t", ""), "\t", " ")
        self.out.add("descriptions", entity=rows["id"], lang=lang, kind=kind, text=text, source=source)
        at = _firsts(rows["id"])
        return Firsts(rows["id"].take(at).combine_chunks(), text.take(at).combine_chunks())


class Firsts(NamedTuple):
    """The first text of each synset that has one."""

    id: pa.StringArray
    text: pa.StringArray

    def of(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the texts of these synsets, null where there is none."""
        return self.text.take(pc.index_in(ids, value_set=self.id))


NOTHING = Firsts(pa.array([], pa.string()), pa.array([], pa.string()))


def _firsts(ids: pa.ChunkedArray) -> pa.Array:
    """Return where each id stands first, in the order of the file."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    return pa.array(np.sort(np.unique(codes, return_index=True)[1]))


def _stems(rows: pa.Table) -> pa.Table:
    """Return the rows whose lemma marks 的 or 地 at its end, without these."""
    found = pc.extract_regex(rows["value"], MARKED)
    stem = pc.struct_field(found, "stem")
    return rows.set_column(2, "value", stem).filter(pc.is_valid(stem))


def _unmarked(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Take the marks out of Chinese lemmas; a + that is part of the word (C++) stays."""
    text = pc.replace_substring_regex(text, r"\s*\+([的地])", r"\1")
    return pc.replace_substring_regex(text, r"(\p{Han})\+(\p{Han})", r"\1\2")

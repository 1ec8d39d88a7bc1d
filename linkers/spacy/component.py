"""A component for pipelines of spaCy that links their entities, and finds more.

    nlp.add_pipe("kbtools_linker", config={"alias": "ALIAS", "preset": "context"})

`ent.kb_id_` is the id of what an entity means; `doc.spans["kbtools"]` holds all that was found, which may
overlap (`doc.ents` must not: spaCy's E1010), labelled with the knowledge base. `span._.kbtools_candidates`
lists the candidates of the mentions at the place of any span: dicts of kb, id, prior and p.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span

from kbtools.errors import ConfigError
from kbtools.linkers import opening
from kbtools.linkers.base import KINDS, Block, Given
from kbtools.linkers.opening import Asked, Opened
from kbtools.linkers.spacy import placing, saving
from kbtools.linkers.spacy.entity_ids import EntityIds
from kbtools.linkers.spacy.settings import SPAN_KEY, Ents, Settings

FACTORY = "kbtools_linker"
DERIVED = ("abbreviations", "persons")  # steps that see mentions, and may leave it at those


class KbtoolsLinker(Pipe):
    """Links the documents of a pipeline, batch by batch."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        self._open: tuple[int, Opened, EntityIds] | None = None  # and the process that opened them

    def __reduce__(self) -> Any:
        return KbtoolsLinker, (self.name, self.settings)  # a child process maps the tables itself

    def __call__(self, doc: Doc) -> Doc:
        """Link one document."""
        self.link([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Link documents, a batch at a time."""
        for docs in _batches(stream, batch_size):
            try:
                self.link(docs)
            except Exception as error:  # the pipeline says what becomes of such documents
                self.get_error_handler()(self.name, self, docs, error)
            else:
                yield from docs

    def link(self, docs: Sequence[Doc]) -> None:
        """Link some documents in place."""
        opened, ids = self._opened()
        block = Block([doc.text for doc in docs], [doc.lang_ or None for doc in docs], _given(docs))
        told = placing.told(opened.linker.link(block), opened.names, ids, len(docs))
        for doc, mentions in zip(docs, told, strict=True):
            placing.place(doc, mentions, opened.names, self.settings)

    def to_bytes(self, *, exclude: Sequence[str] = ()) -> bytes:
        """Return settings and paths: tables stay where they are."""
        return msgspec.json.encode(self.settings)

    def from_bytes(self, bytes_data: bytes, *, exclude: Sequence[str] = ()) -> KbtoolsLinker:
        """Take over what `to_bytes` returned."""
        self.settings, self._open = saving.read(bytes_data, Settings, self.name), None
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write settings and paths: tables stay where they are."""
        saving.write(path, self.settings)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> KbtoolsLinker:
        """Take over what `to_disk` wrote."""
        return self.from_bytes(Path(path).read_bytes())

    def _opened(self) -> tuple[Opened, EntityIds]:
        """Open the tables; a child process does it anew, and shares no open files with its parent."""
        if self._open is None or self._open[0] != os.getpid():
            opened = Opened(_asked(self.name, self.settings))
            self._open = os.getpid(), opened, EntityIds(opened.bases)
        return self._open[1:]


def _asked(name: str, settings: Settings) -> Asked:
    """Put the linker together: one that takes over what the pipeline has recognised."""
    if not settings.alias:
        raise ConfigError(f'{name}: no table of names; write config={{"alias": "ALIAS"}}')
    asked = opening.ask(
        settings.alias,
        indexes=settings.indexes,
        kbs=settings.kbs,
        linker=settings.preset,
        overlap="all" if settings.spans_key else None,
        overrides=settings.overrides,
    )
    steps = {step: told for step, told in asked.preset["mentions"].items() if step != "given"}
    if not settings.find:
        steps = {step: {**told, "only_known": True} for step, told in steps.items() if step in DERIVED}
    steps = {"given": {"kinds": ["ner"]}, **steps}
    return msgspec.structs.replace(asked, preset={**asked.preset, "mentions": steps})


def _batches(stream: Iterable[Doc], size: int) -> Iterator[list[Doc]]:
    waiting = iter(stream)
    while docs := list(islice(waiting, size)):
        yield docs


def _given(docs: Sequence[Doc]) -> Given:
    """Tell the linker what the pipeline has recognised."""
    rows = [(at, ent.start_char, ent.end_char) for at, doc in enumerate(docs) for ent in doc.ents]
    table = np.array(rows, np.int32).reshape(-1, 3)
    text, start, end = (np.ascontiguousarray(table[:, at]) for at in range(3))
    nobody = np.full(len(table), -1)
    kind = np.full(len(table), KINDS.index("ner"), np.uint8)
    return Given(text, start, end, nobody.astype(np.int16), nobody.astype(np.int64), kind)


def _candidates(span: Span) -> list[dict[str, Any]]:
    told = span.doc.user_data.get(SPAN_KEY, {}).get(placing.key(span.start_char, span.end_char), ())
    mine = [one for one in told if one["kb"] == span.label_] or told
    return [{"kb": one["kb"], **candidate} for one in mine for candidate in one["candidates"]]


Span.set_extension("kbtools_candidates", getter=_candidates, force=True)


@Language.factory(FACTORY, assigns=["doc.spans", "token.ent_kb_id", "span._.kbtools_candidates"])
def make(  # noqa: PLR0917 - spaCy hands them over by name
    nlp: Language,
    name: str,
    alias: str = "",
    indexes: list[str] = [],  # noqa: B006 - spaCy writes the defaults into the pipeline's configuration
    kbs: list[str] = [],  # noqa: B006
    preset: str = "prior",
    overrides: list[str] = [],  # noqa: B006
    find: bool = True,
    ents: Ents = "keep",
    overwrite: bool = True,
    spans_key: str = SPAN_KEY,
    nil: str = "",
) -> KbtoolsLinker:
    """Make the component; `Settings` says what its settings mean."""
    settings = Settings(
        alias=alias, indexes=indexes, kbs=kbs, preset=preset, overrides=overrides, find=find, ents=ents,
        overwrite=overwrite, spans_key=spans_key, nil=nil,
    )  # fmt: skip
    return KbtoolsLinker(name, settings)

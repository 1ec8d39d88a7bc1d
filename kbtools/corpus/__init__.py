"""Corpora: documents in, whatever format they come in; one format = one file.

    for piece in corpus.plan("news.jsonl.gz", folder):      # plain data, to be handed to any process
        for batch in corpus.read(piece, folder):            # of the schema DOCUMENTS, in order
            ...
    for batch in corpus.documents("conll:dev.txt"):         # all of it, in this process
        ...

A corpus is named by its path, or by FORMAT:PATH where the path does not tell. Memory: a batch holds about
4 MiB of text, or one document that is longer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa

from kbtools import config, plugins
from kbtools.artefact import Input
from kbtools.artefact.manifest import NAME as MANIFEST
from kbtools.corpus._files import suffix_of
from kbtools.corpus.base import DOCUMENTS, Format, Piece, Report
from kbtools.errors import ConfigError, SourceError
from kbtools.io.inputs import is_url, local

__all__ = [
    "DOCUMENTS",
    "Named",
    "Piece",
    "Report",
    "documents",
    "format_of",
    "inputs",
    "named",
    "plan",
    "read",
    "write",
    "writers",
]

ROOM = "work/corpus"


class Named(NamedTuple):
    """What a user's words for a corpus mean."""

    format: str
    path: str


def format_of(name: str) -> Format:
    """Load a format by its name."""
    found: Format = plugins.load(__name__, name).FORMAT
    return found


def named(spec: str) -> Named:
    """Find out which format a corpus is in: by its prefix, its suffix, or a look at the folder.

    >>> named("jsonl:-"), named("news.jsonl.gz")
    (Named(format='jsonl', path='-'), Named(format='jsonl', path='news.jsonl.gz'))
    """
    if spec in {"", "-"}:
        what = "standard input: say what it is in, such as jsonl:-" if spec else "no corpus is given"
        raise ConfigError(what)
    formats = plugins.names(__name__)
    prefix, colon, rest = spec.partition(":")
    if colon and prefix in formats:
        if not rest:
            raise ConfigError(f"{spec!r}: no path is given; write {prefix}:PATH")
        return Named(prefix, rest)
    told = f"write FORMAT:PATH with one of {', '.join(formats)}"
    here = local(spec)
    if here is not None and not Path(here).exists() and colon and "/" not in prefix:
        raise ConfigError(f"{spec!r}: {prefix!r} is no format of corpora; {told}")
    loaded = {name: format_of(name) for name in formats}
    if here is None or not Path(here).is_dir():
        found = [name for name in formats if suffix_of(spec) in loaded[name].suffixes]
        if not found and here is not None and not Path(here).exists():
            raise SourceError("no such file; check the path", path=spec)
    elif Path(here, MANIFEST).is_file():  # an artefact is made of files, and yet no folder of files
        found = ["linked" if loaded["linked"].recognises(here) else "pages"]
    else:
        found = [name for name in formats if loaded[name].recognises(here)]
    if len(found) == 1:
        return Named(found[0], here or spec)
    what = f"holds files of several formats ({', '.join(found)})" if found else "nobody knows its format"
    raise ConfigError(f"{spec}: {what}; {told}")


def plan(
    spec: str,
    folder: Path,
    *,
    settings: Iterable[str] = (),
    room: str = ROOM,
    report: Report | None = None,
) -> Iterator[Piece]:
    """Cut a corpus into pieces, each for one reader; `settings` are `name=value` of its format.

    What cannot be entered in the middle (a compressed file, a pipe) is unpacked piece by piece into `room`
    below the folder, when the piece is asked for: give each corpus of a command a room of its own. Whoever
    has read a piece removes what it `consumes`. Damaged containers go to `report`.
    """
    name, path = named(spec)
    chosen = format_of(name)
    wanted: Any = config.build(chosen.settings, where=name, overrides=settings)
    told = config.plain(wanted)
    parts = chosen.plan(path, wanted, folder, room, report or Report())
    for number, (part, consumes) in enumerate(parts):
        yield Piece(format=name, number=number, settings=told, part=part, consumes=list(consumes))


def read(piece: Piece, folder: Path, report: Report | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a piece in order; what cannot be used is told to `report`."""
    chosen = format_of(piece.format)
    wanted: Any = config.build(chosen.settings, piece.settings, where=piece.format)
    yield from chosen.read(piece.part, wanted, folder, report or Report())


def documents(
    spec: str, *, settings: Iterable[str] = (), report: Report | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a corpus in order, in this process."""
    report = report or Report()
    with tempfile.TemporaryDirectory(prefix="kbtools-") as room:
        folder = Path(room)
        for piece in plan(spec, folder, settings=settings, report=report):
            yield from read(piece, folder, report)
            for name in piece.consumes:
                (folder / name).unlink()


def writers() -> list[str]:
    """List the formats that can be written too."""
    return [name for name in plugins.names(__name__) if hasattr(format_of(name), "write")]


def write(name: str, documents: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Write documents of the schema DOCUMENTS in a format."""
    chosen: Any = format_of(name)
    if not hasattr(chosen, "write"):
        raise ConfigError(f"{name!r} cannot be written; there are {', '.join(writers())}")
    chosen.write(documents, file)


def inputs(spec: str, settings: Iterable[str] = ()) -> list[Input]:
    """Say what a corpus is, for the manifest of what is made from it; refuse settings that it has not."""
    name, path = named(spec)
    config.build(format_of(name).settings, where=name, overrides=settings)
    if not is_url(path) and path != "-" and not Path(path).exists():
        raise SourceError("no such file; check the path", path=path)
    found = format_of(name).inputs(path)
    return [Input(path=where, kind=kind, content=content) for where, kind, content in found]

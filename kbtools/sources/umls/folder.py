"""Find the files of a release, and the order of their columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from kbtools.errors import SourceError
from kbtools.io import open_stream
from kbtools.sources.umls.codes import COLUMNS, WANTED

CONTAINER = r"(\.gz|\.bz2|\.zst|\.xz)?"
PART = r"\.(?!gz|xz)([a-z]{2})"  # as `split` names them: aa, ab ...
NETWORK = ("", "NET", "mr/NET", "../NET")  # where SRDEF and SRSTR lie, seen from the other files
HEAD = 1 << 16


class File(NamedTuple):
    """A file of a release: where it lies, in several parts if it was split, and where its columns stand."""

    name: str
    paths: list[str]
    fields: int  # in a line
    places: dict[str, int]  # of the columns that are read


class Release:
    """The folder of a release: META, or whatever MetamorphoSys was told to write into."""

    def __init__(self, dumps: Sequence[str]) -> None:
        if len(dumps) != 1:
            raise SourceError("is more than one folder; umls reads one release", path=", ".join(dumps))
        given = Path(dumps[0])
        if dumps[0] == "-" or "://" in dumps[0] or given.is_file():
            raise SourceError("is not a folder; name the one that holds MRCONSO.RRF", path=dumps[0])
        if not given.is_dir():
            raise SourceError("no such folder; check the path", path=given)
        self.root = given
        self.warnings: list[str] = []
        if not self._lying(given, "MRCONSO") and self._lying(given / "META", "MRCONSO"):
            self.root = given / "META"

    def need(self, name: str) -> File:
        """Return a file that must be there."""
        found = self.get(name)
        if found is None:
            raise SourceError(self._missing(name), path=self.root)
        return found

    def get(self, name: str) -> File | None:
        """Return a file if it is there and not empty."""
        for place in NETWORK if name.startswith("SR") else [""]:
            paths = self._lying(self.root / place, name)
            if any(Path(path).stat().st_size for path in paths):
                return self._described(name, paths)
            if paths:
                self.warnings.append(f"{Path(paths[0]).name} is empty")
        return None

    @property
    def tables(self) -> list[str]:
        """The files that describe the others."""
        return [path for name in ("MRFILES", "MRCOLS") for path in self._lying(self.root, name)]

    def unread(self, names: Sequence[str]) -> list[str]:
        """List the files of the folder that none of `names` stands for."""
        known = re.compile(rf"({'|'.join(names)})(\.RRF)?({PART})?{CONTAINER}")
        files = sorted(path.name for path in self.root.iterdir() if path.is_file())
        return [name for name in files if not known.fullmatch(name)]

    def _lying(self, folder: Path, name: str) -> list[str]:
        """Return the whole file, or else its parts in order."""
        if not folder.is_dir():
            return []
        stem = name if name.startswith("SR") else rf"{name}\.RRF"
        files = sorted(path for path in folder.iterdir() if path.is_file())
        whole = [path for path in files if re.fullmatch(stem + CONTAINER, path.name)]
        parts = [path for path in files if re.fullmatch(stem + PART + CONTAINER, path.name)]
        if len(whole) > 1 or (whole and parts):
            others = ", ".join(path.name for path in [*whole[1:], *parts])
            note = f"{whole[0].name} is read, not {others}"
            self.warnings += [] if note in self.warnings else [note]
        for n, path in enumerate([] if whole else parts):
            letters = chr(97 + n // 26) + chr(97 + n % 26)
            if not re.fullmatch(rf"{stem}\.{letters}{CONTAINER}", path.name):
                raise SourceError(f"part .{letters} should stand before it; is it missing?", path=path)
        return [str(path) for path in whole[:1] or parts]

    def _described(self, name: str, paths: list[str]) -> File:
        columns, by = self._columns(name)
        missing = [column for column in WANTED[name].split() if column not in columns]
        if missing:
            raise SourceError(f"{by} names no column {', '.join(missing)} of it", path=paths[0])
        real = _fields(paths[0])
        if real not in {None, len(columns)}:
            what = f"its first line has {real} fields, but {by} {len(columns)} columns: {','.join(columns)}"
            cure = "is MRFILES.RRF of the same release?" if by == "MRFILES.RRF" else "of which release is it?"
            raise SourceError(f"{what}; {cure}", path=paths[0])
        places = {column: columns.index(column) for column in WANTED[name].split()}
        return File(name, paths, len(columns), places)

    def _columns(self, name: str) -> tuple[list[str], str]:
        """Return the columns of a file, and who says so."""
        if found := self._formats.get(f"{name}.RRF"):
            return found, "MRFILES.RRF"
        standard = COLUMNS[name].split()
        listed = self._listed.get(f"{name}.RRF")
        if listed and set(standard) != listed:  # without MRFILES.RRF nobody knows their order
            odd = ", ".join(sorted(listed ^ set(standard)))
            what = f"MRCOLS.RRF lists other columns of {name}.RRF than are usual ({odd})"
            raise SourceError(f"{what}; MRFILES.RRF, which tells their order, is missing", path=self.root)
        return standard, "the standard has"

    @cached_property
    def _formats(self) -> dict[str, list[str]]:
        rows = [row for path in self._lying(self.root, "MRFILES") for row in records(path)]
        return {row[0]: row[2].split(",") for row in rows if len(row) > 2}

    @cached_property
    def _listed(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path in self._lying(self.root, "MRCOLS"):
            for row in records(path):
                if len(row) > 6:
                    found.setdefault(row[6], set()).add(row[0])
        return found

    def _missing(self, name: str) -> str:
        what = f"no {name}.RRF here, nor {name}.RRF.gz or parts of it ({name}.RRF.aa.gz ...)"
        if list(self.root.glob("*.nlm")):
            return f"{what}; .nlm files are archives: run MetamorphoSys, or unzip them, and name META"
        below = (path.parent.relative_to(self.root) for path in sorted(self.root.glob(f"*/{name}.RRF*")))
        if (folder := next(below, None)) is not None:
            return f"{what}; did you mean {self.root / folder}?"
        there = [path.name for path in sorted(self.root.iterdir()) if path.is_file()][:5]
        return f"{what}; name the META folder of a release (found: {', '.join(there) or 'no files'})"


def records(path: str) -> Iterator[list[str]]:
    """Read a small file; the separator that ends a line is no field."""
    if not Path(path).stat().st_size:
        return
    with open_stream(path) as stream:
        data = b"".join(stream.chunks())
        if stream.damage:
            raise SourceError(f"{stream.damage.reason}; copy it again", path=path)
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.rstrip(b"\r").decode()
        except UnicodeDecodeError as error:
            raise SourceError(f"not UTF-8 ({error.reason})", path=path, line=number) from None
        if text:
            yield text.removesuffix("|").split("|")


def rows(file: File) -> Iterator[dict[str, str]]:
    """Read a small file as rows of its wanted columns."""
    for path in file.paths:
        for number, record in enumerate(records(path), 1):
            if len(record) != file.fields:
                what = f"{len(record)} fields instead of {file.fields}; is the file damaged?"
                raise SourceError(what, path=path, line=number)
            yield {column: record[at] for column, at in file.places.items()}


def _fields(path: str) -> int | None:
    """Count the fields of most of the first lines, for one of them may be bad; None if there is no line."""
    with open_stream(path) as stream:
        head = stream.read(HEAD)
    lines = [line.rstrip(b"\r") for line in head.split(b"\n")]
    whole = [line for line in (lines[:-1] or lines) if line]
    counts = Counter(line.removesuffix(b"|").count(b"|") + 1 for line in whole)
    return counts.most_common(1)[0][0] if counts else None

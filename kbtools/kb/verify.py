"""Whether an artefact is whole: its files as the manifest says, and with `deep` also what they hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Protocol

import msgspec
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from kbtools import artefact
from kbtools.artefact import Manifest, Table, digest
from kbtools.artefact.manifest import NAME
from kbtools.errors import ArtefactError, KbError
from kbtools.kb import soundness
from kbtools.kb.reader import Kb, inside
from kbtools.kb.schema_digest import schema_digest

READABLE = (".parquet", ".arrow")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, and every problem found, in one sentence each."""

    path: str
    kind: str
    deep: bool
    tables: int
    files: int
    rows: int
    bytes: int
    problems: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class Check(Protocol):
    """Looks into the rows of an artefact's tables (those whose files are whole); yields every problem."""

    def __call__(
        self, path: Path, tables: Collection[str], *, memory: int | None, threads: int | None
    ) -> Iterator[str]:
        """Look."""
        ...


def verify(
    path: Path,
    *,
    deep: bool = False,
    memory: int | None = None,
    threads: int | None = None,
    checks: Mapping[str, Check] | None = None,
    contents: Mapping[str, Callable[[Path], str]] | None = None,
) -> Verdict:
    """Check files, sizes, schemas and row counts; `deep` reads every byte, row, key and input as well.

    `checks` are those of the rows of other kinds than a knowledge base's; `contents` says how
    inputs are known that are no artefacts of ours.
    Raises ArtefactError if there is no artefact to speak of; all else is listed in `problems`.
    """
    manifest = artefact.read(path)
    found: dict[str, list[str]] = {
        name: list(_table(path, name, table)) for name, table in manifest.tables.items()
    }
    general = [*_manifest(path, manifest), *_strays(path, manifest)]
    if deep:
        for name, problem in _digests(path, manifest, threads):
            found[name].append(problem)
        general += _inputs(manifest, contents or {})
        if check := {"kb": _rows_of_kb, **(checks or {})}.get(manifest.kind):
            whole = [name for name, problems in found.items() if not problems]
            general += check(path, whole, memory=memory, threads=threads)
    files = [file for table in manifest.tables.values() for file in table.files]
    return Verdict(
        path=str(path),
        kind=manifest.kind,
        deep=deep,
        tables=len(manifest.tables),
        files=len(files),
        rows=sum(table.rows for table in manifest.tables.values()),
        bytes=sum(file.bytes for file in files),
        problems=[*(problem for problems in found.values() for problem in problems), *general],
    )


def _rows_of_kb(
    path: Path, tables: Collection[str], *, memory: int | None, threads: int | None
) -> Iterator[str]:
    return soundness.problems(Kb(path), tables, memory=memory, threads=threads)


def _manifest(path: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.digest() != manifest.content:
        yield f"{path / NAME}: its content digest does not fit its tables: it was edited"


def _table(path: Path, name: str, table: Table) -> Iterator[str]:
    """Check the files of a table against the manifest, by their sizes and footers."""
    rows, readable = 0, True
    for file in table.files:
        try:
            where = path / inside(path, file.path)
        except ArtefactError as error:
            yield str(error)
            readable = False
            continue
        if not where.is_file():
            yield f"{where}: gone"
            readable = False
        elif (size := where.stat().st_size) != file.bytes:
            yield f"{where}: {size:,} bytes, where the manifest says {file.bytes:,}"
            readable = False
        elif where.suffix in READABLE:
            try:
                mine, schema = _footer(where)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                yield f"{where}: its footer cannot be read: {_first_line(error)}"
                readable = False
                continue
            rows += mine
            if schema_digest(schema) != table.schema:
                yield f"{where}: its columns are not those that the manifest says"
    if readable and rows != table.rows and any(file.path.endswith(READABLE) for file in table.files):
        yield f"{name}: {rows:,} rows, where the manifest says {table.rows:,}"


def _footer(where: Path) -> tuple[int, pa.Schema]:
    """Return the rows and columns of a file, by what stands at its end."""
    if where.suffix == ".parquet":
        with pq.ParquetFile(where) as opened:
            return opened.metadata.num_rows, opened.schema_arrow
    with pa.memory_map(str(where)) as mapped, pa.ipc.open_file(mapped) as opened:
        return sum(opened.get_batch(at).num_rows for at in range(opened.num_record_batches)), opened.schema


def _strays(path: Path, manifest: Manifest) -> Iterator[str]:
    known = {PurePosixPath(file.path) for table in manifest.tables.values() for file in table.files}
    known.add(PurePosixPath(NAME))
    for file in sorted(path.rglob("*")):
        if not file.is_dir() and PurePosixPath(file.relative_to(path).as_posix()) not in known:
            yield f"{file}: does not belong here: the manifest does not name it"


def _digests(path: Path, manifest: Manifest, threads: int | None) -> Iterator[tuple[str, str]]:
    """Hash every file that has its right size."""
    work = [
        (name, where, file.digest)
        for name, table in manifest.tables.items()
        for file in table.files
        if (where := path / file.path).is_file() and where.stat().st_size == file.bytes
    ]
    with ThreadPoolExecutor(threads) as pool:
        for (name, where, wanted), got in zip(
            work, pool.map(_digest, [where for _, where, _ in work]), strict=True
        ):
            if got != wanted:
                yield name, f"{where}: damaged: {got if ' ' in got else 'its bytes have changed'}"


def _digest(path: Path) -> str:
    try:
        return digest.of_file(path)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _inputs(manifest: Manifest, contents: Mapping[str, Callable[[Path], str]]) -> Iterator[str]:
    """Compare the inputs with what they were, where they are still at their place."""
    for source in manifest.inputs:
        where = Path(source.path)
        try:
            if not where.exists():
                continue
            if source.kind in {"dump", "file", "corpus"}:
                same = not where.is_file() or digest.of_dump(where) == source.content
            elif source.kind in contents:
                same = contents[source.kind](where) == source.content
            else:
                same = artefact.read(where).content == source.content
        except (KbError, OSError) as error:
            yield f"input {where}: cannot be read: {_first_line(error)}"
            continue
        if not same:
            yield f"input {where}: not what this was made from any more"


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())

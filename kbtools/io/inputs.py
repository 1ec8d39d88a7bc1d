"""Raw bytes from wherever users keep them: a file, a pipe, standard input, a URL."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any

from kbtools.errors import MissingExtraError, SourceError
from kbtools.extras import need

STEP = 1 << 16
READAHEAD = 8 << 20
LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}


class Input:
    """The bytes as they are, from front to back. `size` is None where nobody knows it."""

    def __init__(self, path: str) -> None:
        self.path = local(path) or path
        self.position = 0
        self.size: int | None = None
        self.regular = False  # a file on disk, to be read at any place
        self._owned = True
        self._remote = is_url(self.path)
        self._file = self._open()

    def _open(self) -> IO[bytes]:
        if self.path == "-":
            self._owned = False
            return sys.stdin.buffer
        if self._remote:
            file, self.size = open_url(self.path)
            return file
        try:
            file = open(self.path, "rb")  # noqa: SIM115, PTH123 - closed by close()
        except OSError as error:
            raise SourceError(_cure(error), path=self.path) from None
        facts = os.fstat(file.fileno())
        self.regular = stat.S_ISREG(facts.st_mode)
        self.size = facts.st_size if self.regular else None
        return file

    @property
    def again(self) -> bool:
        """Whether it can be opened once more: not so a pipe."""
        return self.regular or self._remote

    def read(self, n: int) -> bytes:
        """Return exactly `n` bytes, fewer only at the end."""
        data = self._read(n)
        if 0 < len(data) < n:
            parts = [data]
            have = len(data)
            while have < n and (data := self._read(n - have)):
                parts.append(data)
                have += len(data)
            data = b"".join(parts)
        self.position += len(data)
        return data

    def _read(self, n: int) -> bytes:
        try:
            return self._file.read(n)
        except Exception as error:  # a remote library raises what it likes
            if not self._remote and not isinstance(error, OSError):
                raise
            what = f"reading stopped after {self.position:,} bytes: {_first_line(error)}"
            raise SourceError(f"{what}; try again, or copy the file here first", path=self.path) from error

    def steps(self) -> Iterator[bytes]:
        """Yield the rest in steps that end at multiples of 64 KiB of the whole.

        What a decoder gives before it fails depends on how it was fed. Fed like this, it does not depend
        on where the reading began or on who asked for how much.
        """
        while data := self.read(STEP - self.position % STEP):
            yield data

    def seek(self, position: int) -> None:
        """Go on from another byte (regular files only)."""
        self._file.seek(position)
        self.position = position

    def at(self, position: int, n: int) -> bytes:
        """Look at `n` bytes elsewhere in a regular file without moving."""
        return os.pread(self._file.fileno(), n, position)

    def close(self) -> None:
        """Give the file back; standard input stays open."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> Input:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_url(path: str) -> bool:
    """Tell `s3://bucket/key` from a path on this machine."""
    return "://" in path


def local(path: str) -> str | None:
    """Return the path of a file on this machine, None for anything else.

    >>> local("file:///data/dump.json"), local("s3://data/dump.json")
    ('/data/dump.json', None)
    """
    path = path.removeprefix("file://")
    return None if path == "-" or is_url(path) else path


def open_url(url: str) -> tuple[IO[bytes], int | None]:
    """Open a URL of any protocol fsspec knows; return it with its size."""
    import fsspec  # noqa: PLC0415 - slow to import, and most dumps are local

    protocol = url.partition("://")[0]
    if protocol in LIBRARIES:
        need(LIBRARIES[protocol], extra="remote", why=f"reading {protocol}:// addresses")
    try:
        system, name = fsspec.core.url_to_fs(url)
        file: Any = system.open(name, "rb", block_size=READAHEAD)
    except ImportError as error:
        raise MissingExtraError(
            f"reading {protocol}:// addresses needs more: {_first_line(error)}"
        ) from error
    except IsADirectoryError:
        raise SourceError("is a directory; name the dump file(s) in it", path=url) from None
    except FileNotFoundError:
        raise SourceError("no such file; check the address", path=url) from None
    except PermissionError:
        raise SourceError("no permission to read it; check your credentials", path=url) from None
    except ValueError as error:
        raise SourceError(f"not an address that can be opened: {_first_line(error)}", path=url) from error
    except Exception as error:  # whatever the protocol's library raises
        raise SourceError(f"cannot be opened: {_first_line(error)}", path=url) from error
    size = getattr(file, "size", None)
    return file, size if isinstance(size, int) else None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _cure(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if isinstance(error, IsADirectoryError):
        return "is a directory; name the dump file(s) in it"
    if isinstance(error, PermissionError):
        return "no permission to read it; change its mode or its owner"
    return f"cannot be opened: {error.strerror}"

"""Write an artefact so that it is whole or absent.

`<out>.partial/` holds the plan, a lock, records of finished tasks (`done/`), intermediate files (`work/`)
and the artefact as it grows (`new/`). When all is there, the manifest is written and `new/` is renamed to
`<out>`: only a complete folder ever bears the final name. After a crash the same command goes on.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

import kbtools
from kbtools.artefact import manifest as manifests
from kbtools.artefact.manifest import Manifest
from kbtools.artefact.task import NEW, RECORDS, out_of_space, sync, write_whole
from kbtools.errors import ArtefactError, KbError, ResourceError

WORK, OLD = "work", "old"
OURS = {NEW, WORK, OLD, RECORDS, "lock", "plan", manifests.NAME}


class Staging:
    """The building site of one artefact; a context manager that holds its lock.

    `settings`, `inputs` and so on travel in the manifest handed to `commit`; `plan` alone decides whether
    an interrupted build can go on. A build that was cut off at its very end, after its manifest was
    written, is finished on entry: `whole` is its manifest then, and nothing is left to do.
    """

    def __init__(self, out: Path, plan: str, *, overwrite: bool = False, restart: bool = False) -> None:
        if out.name in {"", ".."}:
            raise ArtefactError(f"{out}: give the name of a new folder")
        self.out, self.plan = out, plan
        self.folder = self.folder_of(out)
        self.overwrite, self.restart = overwrite, restart
        self.whole: Manifest | None = None  # set on entry if this very build was already complete
        self._lock: IO[str] | None = None

    @staticmethod
    def folder_of(out: Path) -> Path:
        """Say where the artefact at `out` is built."""
        return out.with_name(out.name + ".partial")

    @property
    def new(self) -> Path:
        """Where the artefact's files grow."""
        return self.folder / NEW

    @property
    def work(self) -> Path:
        """Where intermediate files are kept until the artefact is whole."""
        return self.folder / WORK

    def __enter__(self) -> Staging:
        try:
            self._take_lock()
            self._recover()
            if self.whole is None:
                self._resume()
        except OSError as error:
            self._give_up()
            if out_of_space(error):
                raise self._no_space() from error
            raise ArtefactError(f"{self.folder}: cannot be written: {error.strerror}") from error
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()
        if error is not None and not isinstance(error, KbError) and out_of_space(error):
            raise self._no_space() from error

    def _no_space(self) -> ResourceError:
        return ResourceError(f"{self.folder}: no space left on device; {self.how_to_resume()}")

    def how_to_resume(self) -> str:
        """Say what a user whose build stopped can do."""
        return "make room if need be and run the same command again: it goes on where it stopped"

    @contextlib.contextmanager
    def worthwhile(self) -> Iterator[None]:
        """Keep the building site after an error in here only if it holds something to go on with."""
        try:
            yield
        except KbError:
            self.forget()
            raise

    def forget(self) -> None:
        """Take the building site away if no task is done: it would only be in the way of another plan."""
        if not any((self.folder / RECORDS).rglob("*.json")):
            self._remove()

    def commit(self, manifest: Manifest) -> Manifest:
        """Write the manifest, make everything durable, and give the folder its name."""
        self._refuse_target()  # somebody may have put something there since
        whole = msgspec.structs.replace(manifest, content=manifest.digest(), plan=self.plan)
        for path, _, files in os.walk(self.new):
            for file in files:
                sync(Path(path, file))
            sync(Path(path))
        draft = self.folder / manifests.NAME
        write_whole(draft, msgspec.json.format(msgspec.json.encode(whole), indent=1))
        draft.replace(self.new / manifests.NAME)
        sync(self.new)
        self._publish()
        return whole

    def _publish(self) -> None:
        if self.out.exists():
            self.out.rename(self.folder / OLD)
        self.new.rename(self.out)
        sync(self.out.parent)
        self._remove()

    def _recover(self) -> None:
        """Finish a commit that was cut off: the manifest, written last, says that all else is there."""
        plan = _text(self.folder / "plan")
        if (self.new / manifests.NAME).exists():
            self._refuse_target()
            self._publish()
        elif plan and not self.new.exists() and self.out.exists() and manifests.read(self.out).plan == plan:
            self._remove()
        else:
            return
        if plan == self.plan:
            self.whole = manifests.read(self.out)
        else:
            self._take_lock()

    def _refuse_target(self) -> None:
        if not self.out.exists():
            return
        if not self.overwrite:
            raise ArtefactError(f"{self.out} exists; give another --out, or --overwrite to replace it")
        if not (self.out / manifests.NAME).exists():
            raise ArtefactError(f"{self.out} is not an artefact of kbtools; it is not overwritten")

    def _resume(self) -> None:
        """Prepare the folder for a build of this plan, new or interrupted."""
        self._refuse_target()
        plan = self.folder / "plan"
        strangers = {path.name for path in self.folder.iterdir() if path.name[0] != "."} - OURS
        if not _text(plan) and strangers:
            raise ArtefactError(f"{self.folder} holds {min(strangers)}, which is not ours; move it away")
        if self.restart or not _text(plan):
            self._clear()
        elif _text(plan) != self.plan:
            raise ArtefactError(
                f"{self.folder} holds an unfinished build with other settings or inputs; "
                "run that command again to finish it, or add --restart to throw it away"
            )
        self.new.mkdir(exist_ok=True)
        self.work.mkdir(exist_ok=True)
        write_whole(plan, self.plan.encode())  # last: a folder without a plan holds nothing of use

    def _clear(self) -> None:
        (self.folder / "plan").unlink(missing_ok=True)  # first: from here on nothing is of use
        self._delete_all_but("lock")

    def _delete_all_but(self, *names: str) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in names:
                path.unlink()

    def _take_lock(self) -> None:
        self._release()
        path = self.folder / "lock"
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = path.open("a+")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                lock.close()
                raise ArtefactError(f"{self.out} is being written by {holder}; wait for it") from None
            except OSError as error:
                lock.close()
                raise ArtefactError(f"{path}: cannot be locked: {error.strerror}") from error
            if _inode(path) == os.fstat(lock.fileno()).st_ino:
                break
            lock.close()  # the holder finished and took its folder away while we opened the file
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        self._lock = lock

    def _give_up(self) -> None:
        """Leave nothing behind if nothing was there before."""
        if self._lock is not None and [path.name for path in self.folder.iterdir()] == ["lock"]:
            self._remove()
        self._release()

    def _remove(self) -> None:
        """Take the building site away; the plan goes last, so that a later run can finish this."""
        self._delete_all_but("plan", "lock")
        with contextlib.suppress(OSError):  # NFS keeps a file that is open: the lock
            shutil.rmtree(self.folder)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def now() -> str:
    """Return the time for `created`, to the second, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def begin(kind: str, **fields: object) -> Manifest:
    """Start the manifest of an artefact of this release, to be filled and handed to `commit`.

    Where inputs lie is told absolutely: whoever reads it may stand in another folder.
    """
    if isinstance(told := fields.get("inputs"), list):
        fields["inputs"] = [msgspec.structs.replace(one, path=_absolute(one.path)) for one in told]
    return Manifest(
        kind=kind,
        version=manifests.VERSIONS[kind],
        kbtools=kbtools.__version__,
        created=now(),
        command=" ".join(sys.argv),
        plan="",
        **fields,  # type: ignore[arg-type]
    )


def _absolute(path: str) -> str:
    """Say where a file or folder lies; what is none (a URL, standard input) stays as it is."""
    return str(Path(path).absolute()) if Path(path).exists() else path


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _text(path: Path) -> str:
    """Read a small file; empty if there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""

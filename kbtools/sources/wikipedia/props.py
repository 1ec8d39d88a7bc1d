"""What SQL tables say of pages by number: their Wikidata items, their titles in other languages.

The first task that needs a table makes a file of it that all workers map into memory: 8 bytes a page for
items, for titles about what they are long. The tables are sorted by page number, as the dumps write them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kbtools.sources.wikipedia.sql import rows

_ITEM = r"^Q(?P<number>[1-9]\d{0,8})$"


class Items:
    """page number → item: [2, n] uint32, sorted by the first row."""

    def __init__(self, table: npt.NDArray[np.uint32]) -> None:
        self._pages, self._items = table

    @classmethod
    def of(cls, folder: Path, files: Sequence[str]) -> Items:
        """Map the table of these page_props dumps; make it if it is not there."""
        path = _made(folder / "work" / "page-items.npy", lambda draft: _save(draft, _items(files)))
        return cls(np.load(path, mmap_mode="r", allow_pickle=False))

    def of_page(self, page: int | None) -> str | None:
        """Return the item of a page."""
        if page is None:
            return None
        at = int(np.searchsorted(self._pages, page))
        return f"Q{self._items[at]}" if at < len(self._pages) and self._pages[at] == page else None


def _items(files: Sequence[str]) -> npt.NDArray[np.uint32]:
    pages, items = [np.empty(0, np.uint32)], [np.empty(0, np.uint32)]
    for file in files:
        for batch in rows(file, "page_props", ["pp_page", "pp_propname", "pp_value"]):
            mine = batch.filter(pc.equal(batch.column("pp_propname"), "wikibase_item"))
            number = pc.struct_field(pc.extract_regex(mine.column("pp_value"), _ITEM), [0])
            good = pc.is_valid(number)
            pages.append(mine.column("pp_page").filter(good).to_numpy().astype(np.uint32))
            items.append(pc.cast(number.filter(good), pa.uint32()).to_numpy())
    joined = np.stack([np.concatenate(pages), np.concatenate(items)])
    return joined[:, np.argsort(joined[0], kind="stable")]


class Links:
    """page number → language and title: the numbers apart, [n] uint32, the rest as Arrow batches."""

    def __init__(self, pages: npt.NDArray[np.uint32], rest: pa.Table) -> None:
        self._pages, self._rest = pages, rest

    @classmethod
    def of(cls, folder: Path, files: Sequence[str]) -> Links:
        """Map the table of these langlinks dumps; make it if it is not there."""
        rest = _made(folder / "work" / "page-links.arrow", lambda draft: _save_links(draft, files))
        pages = np.load(rest.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
        return cls(pages, pa.ipc.open_file(pa.memory_map(str(rest))).read_all())

    def of_page(self, page: int | None) -> Iterator[tuple[str, str]]:
        """Yield language and title of each page that says the same elsewhere."""
        if page is None:
            return
        low, high = (int(np.searchsorted(self._pages, page, side=side)) for side in ("left", "right"))
        if low < high:
            found = self._rest.slice(low, high - low)
            yield from zip(found["lang"].to_pylist(), found["title"].to_pylist(), strict=True)


def _save_links(draft: Path, files: Sequence[str]) -> None:
    batches = (
        batch.rename_columns(["page", "lang", "title"])
        for file in files
        for batch in rows(file, "langlinks", ["ll_from", "ll_lang", "ll_title"])
    )
    pages = [np.empty(0, np.uint32)]
    schema = pa.schema([("lang", pa.string()), ("title", pa.string())])
    with pa.ipc.new_file(str(draft), schema) as file:
        for batch in batches:
            kept = batch.filter(pc.not_equal(batch.column("title"), ""))
            pages.append(kept.column("page").to_numpy().astype(np.uint32))
            file.write_batch(kept.select(["lang", "title"]))
    every = np.concatenate(pages)
    if (every[1:] < every[:-1]).any():  # several dumps, or one that somebody edited
        order = np.argsort(every, kind="stable")
        every, table = every[order], pa.ipc.open_file(str(draft)).read_all().take(pa.array(order))
        with pa.ipc.new_file(str(draft), schema) as file:
            file.write_table(table)
    _save(draft.with_name("page-links.npy"), every)


def _save(path: Path, table: npt.NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.save(file, table, allow_pickle=False)


def _made(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a file that the first comer makes while others wait."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            draft = path.with_name(f".{path.name}")
            make(draft)
            draft.replace(path)
    return path

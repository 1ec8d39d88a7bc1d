"""Many texts written one after the other, to be mapped as bytes and offsets."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa


class TextFile:
    """NAME.utf8 and NAME.ends: what `facts.Texts` maps."""

    def __init__(self, folder: Path, name: str) -> None:
        self._paths = folder / f"{name}.utf8", folder / f"{name}.ends"
        self._count = self._bytes = 0

    def __enter__(self) -> TextFile:
        self._data, self._ends = (path.open("wb") for path in self._paths)
        self._ends.write(np.zeros(1, np.int64).tobytes())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._data.close()
        self._ends.close()

    def add(self, texts: pa.StringArray) -> int:
        """Append texts; return the number of the first."""
        first = self._count
        if len(texts):
            offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1]
            data = texts.buffers()[2]
            if data is not None:
                self._data.write(memoryview(data)[int(offsets[0]) : int(offsets[-1])])
            self._ends.write((offsets[1:].astype(np.int64) - int(offsets[0]) + self._bytes).tobytes())
            self._count += len(texts)
            self._bytes += int(offsets[-1]) - int(offsets[0])
        return first

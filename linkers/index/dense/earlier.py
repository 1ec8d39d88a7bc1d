"""An earlier index as a start: texts that it knows keep their vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kbtools import artefact
from kbtools.errors import ArtefactError
from kbtools.linkers.index.dense.files import IDS, check
from kbtools.linkers.index.dense.vectors import FILE, open_raw

SAME = {
    "encoder": "encoder",
    "dim": "width",
    "raw": "raw",
    "metric": "metric",
}  # or its vectors are of no use


class Earlier:
    """The texts that an index knows, by their digests. Memory: 16 bytes a row."""

    def __init__(self, path: Path, told: dict[str, Any]) -> None:
        manifest = artefact.read(path, "index")
        if manifest.settings.get("kind") != "dense":
            raise ArtefactError(f"{path}: not a dense index; build without --base")
        for setting, called in SAME.items():
            if manifest.settings.get(setting) != told[setting]:
                was = manifest.settings.get(setting)
                raise ArtefactError(
                    f"{path}: its {called} is {was}, not {told[setting]}; build without --base"
                )
        check(path, manifest, (IDS, FILE))
        self._raw = open_raw(path / FILE)
        try:
            digests = pq.read_table(path / IDS, columns=["digest"])["digest"].to_numpy()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise ArtefactError(f"{path / IDS}: damaged: {' '.join(str(error).split())}") from error
        if self._raw.shape != (len(digests), told["dim"]):
            raise ArtefactError(f"{path}: {FILE} and {IDS} do not fit together; build without --base")
        self._order = np.argsort(digests, kind="stable").astype(np.uint32)
        self._digests = digests[self._order]

    def find(self, digests: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
        """Tell which texts are known, and return the vectors of those."""
        if not len(self._digests):
            return np.zeros(len(digests), dtype=bool), self._raw[:0]
        places = np.minimum(np.searchsorted(self._digests, digests), len(self._digests) - 1)
        known = self._digests[places] == digests
        return known, self._raw[self._order[places[known]]]

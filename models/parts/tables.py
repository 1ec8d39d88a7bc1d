"""A table of entities' vectors: eids in, vectors out, however large the table is.

    frozen      a mapped file; the rows of a batch are read, each once, and go to the device of the eids
    resident    frozen too, and held whole on the device
    trained     a parameter of all rows: in the state dict, with the eids that its rows are of

This is the one place where an eid becomes a row. −1 (and any number below −2) is no entity and a vector of
zeros, as Zhang et al. (2019) have it; −2 is NIL, an entity that is not in the knowledge base. NIL and the
entities without a vector are zeros, or a vector that is learned. Frozen rows are neither parameters nor
buffers: they are in no state dict, no process broadcasts them, and a model that is built first and filled
later does not lose them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from kbtools.errors import ArtefactError, ConfigError
from kbtools.models.vectors import Lookup, Vectors, packing
from kbtools.models.vectors.controlled import Control, Controlled, controlled
from kbtools.models.vectors.packing import How, Mode, Plain, Special
from kbtools.shards.base import NIL

log = logging.getLogger("kbtools.models")

SPREAD = 0.02  # standard deviation of a learned vector before it is learned


class EntityTable(nn.Module):
    """eids [...] → vectors [..., dim], in the type that the model computes in."""

    like: Tensor  # [0], says what the model computes in
    weight: nn.Parameter | None  # [rows, dim]
    eids: Tensor | None  # [rows], of a trained table
    nil: nn.Parameter | None  # [dim]
    unknown: nn.Parameter | None

    def __init__(self, plain: Plain, source: Vectors | Controlled | None) -> None:
        """Make a table of `source`; without it, of rows that are loaded later, or of unknown entities."""
        super().__init__()
        trained = plain.mode == "trained"
        self.rows = plain.rows if trained else source.rows if source else 0
        self.dim = plain.dim
        self.source = None if trained else source
        self._plain = _now(plain, self.source)
        self.register_buffer("like", torch.empty(0, device="cpu"), persistent=False)
        self.register_parameter("weight", nn.Parameter(torch.zeros(self.rows, self.dim)) if trained else None)
        self.register_buffer("eids", torch.full((self.rows,), -1) if trained else None)
        for name, kind in (("nil", plain.nil), ("unknown", plain.unknown)):
            self.register_parameter(name, nn.Parameter(torch.zeros(self.dim)) if kind == "trained" else None)
        self._resident: Tensor | None = None
        self._lookup: tuple[object, Lookup] | None = None
        marks = 1 if trained else self.rows + 1  # the last is nobody's
        self._used = torch.zeros(marks, dtype=torch.bool, device="cpu")
        self._counts = torch.zeros(2, dtype=torch.int64, device="cpu")
        self.reset()
        if self.weight is not None and self.eids is not None and source:
            with torch.no_grad():
                self.eids.copy_(source.eids())
                for at, block in source.blocks():
                    self.weight[at : at + len(block)] = block

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        mode: Mode = "frozen",
        nil: Special = "zero",
        unknown: Special = "zero",
        kb: str | None = None,
        control: Control = "true",
        seed: int = 0,
    ) -> EntityTable:
        """Make a table of a `vectors` folder; `kb` names its knowledge base where the folder does not.

        With a `control`, its rows are those of others, or drawn, by `seed`: see vectors/controlled.py.
        """
        source = Vectors.open(path)
        if mode == "trained" and not source.rows:
            raise ConfigError(f"{path}: has no rows that could be trained")
        told = {
            "kb": kb or (source.kbs[0].name if source.kbs else source.path.name),
            "path": str(source.path),
            "content": source.content,
            "rows": source.rows,
            "dim": source.dim,
            "mode": mode,
            "nil": nil,
            "unknown": unknown,
            "control": control,
            "seed": seed,
        }
        return cls(packing.read(told, source.path), controlled(source, control, seed))

    @classmethod
    def attach(cls, plain: Mapping[str, Any], folder: Path | str) -> EntityTable:
        """Make the table that a saved model needs; where its rows are gone, all its entities are unknown."""
        told = packing.read(plain, Path(folder))
        if told.mode == "trained":
            return cls(told, None)  # its rows come with the model's weights
        found, why, inside = packing.find(told, Path(folder))
        if inside:  # a control has done its work in them
            told = msgspec.structs.replace(told, control="true")
        if found is None:
            log.warning("%s: entities of %s are unknown to this model: %s", folder, told.kb, why)
        elif found.dim != told.dim:
            raise ArtefactError(f"{found.path}: vectors of {found.dim} numbers, not {told.dim}")
        return cls(told, found)

    @property
    def kb(self) -> str:
        """The name of the knowledge base whose entities these are."""
        return self._plain.kb

    @property
    def mode(self) -> Mode:
        """How it holds its rows."""
        return self._plain.mode

    @property
    def absent(self) -> bool:
        """Whether its rows could not be had."""
        return self.source is None and self.weight is None

    @property
    def counts(self) -> dict[str, int]:
        """Say how many entities were asked for, and how many of those have no vector."""
        asked, unknown = self._counts.tolist()
        return {"entities": asked, "unknown": unknown}

    def plain(self) -> dict[str, Any]:
        """Say what it is, for the config of a model that is linked to it."""
        return _builtins(self._plain)

    def save(self, folder: Path | str, how: How = "link") -> dict[str, Any]:
        """Pack nothing, the rows that training used, or all, and say what it is then."""
        if how == "link" or self.mode == "trained":
            return self.plain()
        if self.source is None:
            raise ArtefactError(
                f"{self._plain.path}: gone, so its rows cannot be packed; put it back, or save with 'link'"
            )
        used = torch.nonzero(self._used[:-1]).squeeze(1).cpu() if how == "used" else None
        packed = packing.pack(self.source, used, self._plain, Path(folder))
        return _builtins(msgspec.structs.replace(self._plain, packed=packed))

    def used_state(self) -> Tensor:
        """Return the rows that training has read: bits, [⌈rows / 8⌉] uint8; of a trained table none."""
        return torch.from_numpy(np.packbits(self._used[:-1].cpu().numpy()))

    def load_used(self, state: Tensor) -> None:
        """Add rows that training has read: before it went on here, or in another process."""
        if self.source is None:
            return
        if state.dtype != torch.uint8 or state.shape != (-(-self.rows // 8),):
            raise ArtefactError(f"{self._plain.path}: rows used in training are told of another table")
        bits = torch.from_numpy(np.unpackbits(state.cpu().numpy(), count=self.rows)).bool()
        self._used[:-1] |= bits.to(self._used.device)

    def reset(self) -> None:
        """Draw the learned special vectors anew."""
        for vector in (self.nil, self.unknown):
            if vector is not None:
                nn.init.normal_(vector, std=SPREAD)

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # files are read; what comes after is compiled
    def forward(self, eids: Tensor) -> Tensor:
        """[...] → [..., dim]; no gradient reaches frozen rows."""
        asked = eids.reshape(-1).long()
        each, back = torch.unique(asked, return_inverse=True) if self.mode == "frozen" else (asked, None)
        rows, found = self._find(each)
        found = torch.where((rows >= 0).unsqueeze(1), found, 0)
        if self.nil is not None:
            found = torch.where((each == NIL).unsqueeze(1), self.nil, found)
        if self.unknown is not None:
            found = torch.where(((each >= 0) & (rows < 0)).unsqueeze(1), self.unknown, found)
        if back is not None:
            found, rows = embedding(back, found), rows[back]
        self._count(asked, rows)
        return found.reshape(*eids.shape, self.dim)

    def has(self, eids: Tensor) -> Tensor:
        """Tell which entities have a vector, [...] bool."""
        if self.source is not None and self.weight is None:
            return self.source.row_of(eids.cpu()) >= 0
        return (
            torch.zeros_like(eids, dtype=torch.bool) if self.absent else self._looked(eids.device)(eids) >= 0
        )

    def _find(self, eids: Tensor) -> tuple[Tensor, Tensor]:
        """Return the rows of entities, −1 where there is none, and what stands in them (there: anything)."""
        device, source = eids.device, self.source
        if self.weight is not None:
            rows = self._looked(device)(eids)
            return rows, embedding(rows.clamp(min=0), self.weight)
        if source is None or not self.rows:
            return torch.full_like(eids, -1), self.like.new_zeros(len(eids), self.dim, device=device)
        if self.mode == "resident":
            rows = self._mark(self._looked(device)(eids))
            return rows, embedding(rows.clamp(min=0), self._held(source, device))
        rows = self._mark(source.row_of(eids.cpu()))
        found = source.gather(rows.clamp(min=0), pinned=eids.is_cuda)
        return rows.to(device), found.to(device, non_blocking=True).to(self.like.dtype)

    def _held(self, source: Vectors | Controlled, device: torch.device) -> Tensor:
        """Return all rows on a device, read there if they are not."""
        held, dtype = self._resident, self.like.dtype
        if held is None or held.device != device or held.dtype != dtype:
            self._resident = held = torch.empty(self.rows, self.dim, dtype=dtype, device=device)
            for at, block in source.blocks():
                held[at : at + len(block)] = block
        return held

    def _looked(self, device: torch.device) -> Lookup:
        """Return the look-up on a device; of a trained table a new one when its eids were loaded."""
        key = device, id(self.eids), -1 if self.eids is None else self.eids._version
        if self._lookup is None or self._lookup[0] != key:
            eids = self.source.eids() if self.source else self.eids
            self._lookup = key, Lookup(torch.empty(0).long() if eids is None else eids.to(device))
        return self._lookup[1]

    def _mark(self, rows: Tensor) -> Tensor:
        """Remember rows that training reads."""
        if self.training:
            self._used = self._used.to(rows.device)
            self._used[torch.where(rows >= 0, rows, self.rows)] = True
        return rows

    def _count(self, eids: Tensor, rows: Tensor) -> None:
        real = eids >= 0
        self._counts = self._counts.to(eids.device) + torch.stack([real.sum(), (real & (rows < 0)).sum()])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be read or made again: workers and copies map the same file."""
        return {**self.__dict__, "_resident": None, "_lookup": None}

    def extra_repr(self) -> str:
        """Say what it is when a model is printed."""
        return f"{self._plain.kb}: {self.rows:,} × {self.dim}, {self.mode}"


def _now(plain: Plain, source: Vectors | Controlled | None) -> Plain:
    """Say where the rows come from now; rows that are trained come with the weights."""
    if source is None:
        return msgspec.structs.replace(plain, packed=None)
    return msgspec.structs.replace(
        plain, path=str(source.path), content=source.content, rows=source.rows, packed=None
    )


def _builtins(plain: Plain) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(plain)
    return found

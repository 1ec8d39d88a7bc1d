"""A run of KEPLER, opened to encode descriptions as it did in training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from kbtools import artefact, config
from kbtools.artefact import Input
from kbtools.artefact.manifest import NAME as MANIFEST
from kbtools.errors import ConfigError
from kbtools.features import origin
from kbtools.models.base import KnowledgeModel
from kbtools.models.loading import folders
from kbtools.models.objectives import _described
from kbtools.models.objectives._described import MASK, Texts
from kbtools.models.objectives.kepler import NAME
from kbtools.models.objectives.kepler import Settings as Learned
from kbtools.shards import preset
from kbtools.shards.reader import IDS
from kbtools.tokens.tokenizer import Tokenizer

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

LAYOUT = "triples"


class Run(NamedTuple):
    """What encodes, and how texts are put together for it."""

    model: KnowledgeModel
    tokenizer: Tokenizer
    learned: Learned  # how it was trained
    chosen: preset.Chosen  # how shards of triples are made
    made_with: Input

    @property
    def special(self) -> dict[str, int]:
        """Return the numbers of special tokens."""
        told = self.tokenizer.special
        return {name: int(getattr(told, name)) for name in ("pad", "cls", "sep")}

    @property
    def width(self) -> int:
        """How wide its states are."""
        return int(self.model.config.hidden_size)

    @torch.inference_mode()
    def encode(self, texts: Texts, tokens: int) -> F32:
        """Return the state of the first token of each text, [U, H]; so many tokens are run together."""
        order = np.argsort(-texts.lengths, kind="stable")
        found, at = np.zeros((len(order), self.width), np.float32), 0
        while at < len(order):
            width = int(texts.lengths[order[at]])
            some = order[at : at + max(tokens // width, 1)]
            made = _described.columns(
                Texts(texts.ids[some, :width], texts.lengths[some]), self.special["pad"]
            )
            batch = {name: made[name].to(self.model.device) for name in (IDS, MASK)}
            states = _described.first_states(self.model, batch, [width], len(some))
            found[some] = states.cpu().numpy()
            at += len(some)
        return found


def opened(name: str, device: torch.device, texts: dict[str, Any], tokenizer: str | None) -> Run:
    """Open a run, a checkpoint or a model; of the latter it is not known how texts were put together."""
    folder = folders.find(name)
    run = _manifest(Path(name), folder)
    recipe, reads = (run.settings, run.notes.get("reads", {})) if run else ({}, {})
    learned = {
        one: value for one, value in recipe.get("objectives", {}).get(NAME, {}).items() if one != "weight"
    }
    chosen = _chosen(reads, texts, name)
    words = Tokenizer.load(tokenizer or str(folder), zh=chosen.common.chinese)
    model: Any = KnowledgeModel.from_pretrained(folder).to(device).eval()
    if words.size > len(model.words):
        raise ConfigError(
            f"{name}: embeddings of {len(model.words):,} words, but its tokenizer has {words.size:,}"
        )
    made_with = (
        Input(path=name, kind="run", content=run.content)
        if run
        else Input(path=str(folder), kind=origin.MODEL, content=origin.content(folder))
    )
    return Run(model, words, config.build(Learned, learned, where=f"{name}: {NAME}"), chosen, made_with)


def _manifest(path: Path, folder: Path) -> Any:
    """Return what a run says of itself; none for a model that is none."""
    for one in (path, folder.parent):
        if (one / MANIFEST).is_file() and folder == one / folders.INSIDE:
            found = artefact.read(one)
            return found if found.kind == "run" else None
    return None


def _chosen(reads: dict[str, Any], texts: dict[str, Any], name: str) -> preset.Chosen:
    """Say how texts are put together: as in the shards of the run, but for what is said to be different."""
    mine = [one for one in reads.values() if one.get("layout") == LAYOUT]
    told = mine[0] if mine else preset.choose(preset.load(NAME), "kb", name=NAME).plain()
    known = {one.name for one in config.describe(type(preset.rebuilt(told).settings))}
    for one in texts:
        if one not in known | {"max_length"}:
            raise ConfigError(f"texts.{one}: there are max_length, {', '.join(sorted(known))}")
    common = told["common"] | {one: texts[one] for one in ("max_length",) if one in texts}
    own = {one: value for one, value in texts.items() if one != "max_length"}
    settings = told["settings"] | {"isolated": True} | own
    return preset.rebuilt({**told, "common": common, "settings": settings, "views": {}})


def texts_of(lists: pa.ListArray) -> Texts:
    """Pad lists of tokens; those that are null are empty."""
    lengths = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    lengths[np.flatnonzero(np.asarray(lists.is_null()))] = 0
    ids = np.zeros((len(lengths), int(lengths.max(initial=1))), np.int64)
    ids[np.arange(ids.shape[1]) < lengths[:, None]] = lists.flatten().to_numpy()
    return Texts(ids, lengths)

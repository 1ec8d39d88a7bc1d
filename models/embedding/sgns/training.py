"""All epochs, with a state on the disk now and then, from which the same training goes on."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import msgspec
import torch

from kbtools.artefact import write_whole
from kbtools.io import tensors
from kbtools.models.ahead import ahead
from kbtools.models.embedding.sgns import steps
from kbtools.models.embedding.sgns.blocks import Batch, Coming, Epochs, Place
from kbtools.models.embedding.sgns.tables import Tables
from kbtools.models.training.signals import Asked
from kbtools.progress import Progress

FOLDER = "work/training"
STATE = "state.json"
EVERY = 600.0  # seconds between two states
LOOKED = 20  # steps between two losses that are shown
LEAST = 1e-4  # of the rate, at the end


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a training beside its tables: small, and written last."""

    file: str
    place: tuple[int, int, int]
    words: int
    losses: list[float]  # one an epoch


class Training:
    """The tables of a training, and how far it is."""

    def __init__(self, folder: Path, tables: Tables, epochs: Epochs, device: torch.device) -> None:
        self.folder, self.tables, self.epochs, self.device = folder / FOLDER, tables, epochs, device
        self.place, self.words, self.losses = Place(), 0, list[float]()
        self._sum = self._pairs = 0.0
        self._last = time.monotonic()

    def restore(self) -> None:
        """Go on where the last state was, if there is one."""
        path = self.folder / STATE
        if not path.is_file():
            return
        state = msgspec.json.decode(path.read_bytes(), type=State)
        found = tensors.load(self.folder / state.file).arrays
        self.tables.load({name: torch.from_numpy(one.copy()) for name, one in found.items()})
        self.place, self.words, self.losses = Place(*state.place), state.words, list(state.losses)

    def run(self, progress: Progress) -> None:
        """Learn until all epochs are done; Ctrl-C waits for the end of a step and keeps what is there."""
        asked = Asked()
        with asked.listening():
            for coming in ahead(self.epochs.coming(self.place), device=self._number()):
                self._step(coming, progress)
                if asked() or time.monotonic() - self._last > EVERY:
                    self.save()
                if asked():
                    raise KeyboardInterrupt
        self.save()

    def _number(self) -> int:
        return self.device.index or 0 if self.device.type == "cuda" else -1

    def _step(self, coming: Coming, progress: Progress) -> None:
        settings = self.epochs.settings
        given = steps.Given(*(torch.from_numpy(one).to(self.device) for one in Batch(*coming.batch)))
        lr = settings.lr * max(LEAST, 1 - coming.share)
        tell = self.place.step % LOOKED == 0
        with torch.inference_mode():
            told = steps.step(
                self.tables, given, steps.How(settings.window, settings.negatives, lr), tell=tell
            )
        self.words += coming.words
        if told is not None and (pairs := float(told.pairs)):
            self._sum, self._pairs = self._sum + float(told.loss), self._pairs + pairs
            progress.say(f"epoch {self.place.epoch + 1}", f"loss {float(told.loss) / pairs:.3f}")
        if coming.then.epoch > self.place.epoch:
            self.losses.append(round(self._sum / self._pairs, 6) if self._pairs else 0.0)
            self._sum = self._pairs = 0.0
        self.place = coming.then
        progress.advance(coming.words)

    def save(self) -> None:
        """Write a state: tables to a new file, then what names it; then the older file goes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = "-".join(map(str, self.place)) + ".safetensors"
        arrays = {key: one.cpu().numpy() for key, one in self.tables.tensors().items()}
        with (self.folder / name).open("wb") as file:
            deque(map(file.write, tensors.pieces(arrays)), maxlen=0)
        state = State(
            file=name,
            place=(self.place.epoch, self.place.piece, self.place.step),
            words=self.words,
            losses=self.losses,
        )
        write_whole(self.folder / STATE, msgspec.json.encode(state))
        for old in self.folder.glob("*.safetensors"):
            if old.name != name:
                old.unlink()
        self._last = time.monotonic()

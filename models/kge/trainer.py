"""Training: epochs of rounds of buckets, from any round on. One partition is one bucket, and nothing else.

A bucket (i, j) is the triples whose heads are of partition i, and whose tails of j: while it is trained,
those two are held, and negatives are drawn from them. A round is some buckets that share no partition. Each
is trained from the same relations, by whichever process; then those are combined. So what comes out depends
on the recipe alone, not on how many processes there are (Lerer et al. 2019 train by partitions,
asynchronously).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
import torch
from torch import Tensor

from kbtools.errors import TaskError
from kbtools.models.ahead import ahead
from kbtools.models.draws import key
from kbtools.models.kge import partitions, rows, sampling
from kbtools.models.kge.crew import Crew, Lane
from kbtools.models.kge.edges import Buckets
from kbtools.models.kge.live import Live
from kbtools.models.kge.recipe import Recipe
from kbtools.models.kge.sampling import Sampler
from kbtools.models.kge.small import Small, combined
from kbtools.models.kge.stepping import Held, Stepper
from kbtools.models.kge.store import Store
from kbtools.models.training.signals import Asked

SAVE = 120.0  # seconds between checkpoints, at least
SHARE = 20.0  # and so many times what the last one took
CHECKED = 64  # steps between looks at the loss: on a GPU each waits for it

Bucket = tuple[int, int]
Look = Callable[[], Mapping[str, Any]]


class State(msgspec.Struct, kw_only=True):
    """Where a run is; plain data."""

    epoch: int = 0  # epochs that are done
    round: int = 0  # rounds of the next one that are done
    step: int = 0
    anew: int = 0  # the step behind which the optimiser began anew, the last time
    loss: float = 0.0  # of the epoch: sum over triples
    triples: int = 0
    looks: list[dict[str, Any]] = msgspec.field(default_factory=list)
    best: int | None = None  # which look
    ended: bool = False


class Trainer:
    """All that is trained, and where it is."""

    def __init__(
        self,
        recipe: Recipe,
        buckets: Buckets,
        store: Store,
        *,
        small: Small,
        sampler: Sampler,
        stepper: Stepper,
        crew: Crew,
        look: Look | None,
    ) -> None:
        self.recipe, self.buckets, self.store, self.small = recipe, buckets, store, small
        self.sampler, self.stepper, self.crew, self.look = sampler, stepper, crew, look
        self.number = len(store.edges) - 1
        self.state = State()
        self.saved, self.took, self.stamp = time.monotonic(), 0.0, -1  # of the last checkpoint
        self.odd: list[str] = []  # what was odd about checkpoints
        self.asked, self.told = Asked(), False
        self.resume()

    def resume(self) -> None:
        """Go on from the newest checkpoint, if there is one; then processes are to wait for each other."""
        if found := self.store.resume(tell=self.odd.append):
            told, tensors = found
            self.state = msgspec.convert(told, State)
            self.small.load(tensors, self.state.step - self.state.anew)
            self.stamp = self._stamp()

    def best(self) -> None:
        """Go back to the best state that was seen, if that is wanted; for the main process alone."""
        if self.recipe.judge.take == "last" or self.state.best in {None, len(self.state.looks) - 1}:
            return
        if found := self.store.resume(best=True, tell=self.odd.append):
            self.small.load(found[1], 0)
        else:  # it is damaged, and has been told of
            self.resume()
            self.state.best = len(self.state.looks) - 1

    def run(self, live: Live) -> None:
        """Train what is left; Ctrl-C waits for the end of a round, and a second one does not."""
        with self.asked.listening():
            self._run(live)

    def _run(self, live: Live) -> None:
        while self.state.epoch < self.recipe.epochs and not self.state.ended:
            self._epoch(live)
            self.state.epoch, self.state.round = self.state.epoch + 1, 0
            live.epoch(self.state.epoch, self.state.loss / max(self.state.triples, 1))
            every = self.recipe.judge.every
            last = self.state.epoch == self.recipe.epochs
            self.state.loss, self.state.triples = 0.0, 0
            if self.look is not None and (last or (every and self.state.epoch % every == 0)):
                with self.crew.together():
                    seen = self.look() if self.crew.main else {}
                self._judge(self.crew.told(seen), live)
            self._pause(now=last or self.state.ended)

    def _epoch(self, live: Live) -> None:
        epoch, told = self.state.epoch, self.recipe
        rounds = self._rounds(epoch)
        factor = rows.rate(told.optimiser, epoch, told.epochs)
        done = {part for one in rounds[: self.state.round] for bucket in one for part in bucket}
        fresh = set(range(self.number)) - done if rows.resets(told.optimiser, epoch, told.epochs) else set()
        if fresh and not self.state.round:
            self.small.reset()
            self.state.anew = self.state.step
        for at in range(self.state.round, len(rounds)):
            soon = rounds[at + 1] if at + 1 < len(rounds) else self._rounds(epoch + 1)[0]
            self._round(rounds[at], soon, factor, fresh, live)
            self.state.round = at + 1
            if at + 1 < len(rounds):
                self._pause()

    def _rounds(self, epoch: int) -> list[list[Bucket]]:
        told = self.recipe.partitions
        return partitions.rounds(self.number, told.order, told.lanes, self.recipe.seed, epoch)

    def _round(
        self, buckets: Sequence[Bucket], soon: Sequence[Bucket], factor: float, fresh: set[int], live: Live
    ) -> None:
        """Train buckets side by side, those that are this process's; combine what all of them made."""
        start = self._copied() if len(buckets) > 1 or self.crew.size > 1 else {}
        begun, lanes = self.small.step, list[Lane]()
        mine = [lane for lane in range(len(buckets)) if self.crew.trains(lane)]
        theirs = {part for lane, bucket in enumerate(buckets) if lane not in mine for part in bucket}
        coming = [buckets[lane] for lane in mine[1:]]
        coming += [bucket for lane, bucket in enumerate(soon) if self.crew.trains(lane)][:1]
        with self.crew.together():
            for place, lane in enumerate(mine):
                if start:
                    self.small.load(start, begun)
                following = {part for bucket in coming[place : place + 1] for part in bucket}
                held = self._held(buckets[lane], following - theirs, fresh)
                loss, triples = self._bucket(buckets[lane], held, factor, live)
                made = self._copied() if start else {}
                lanes.append(Lane(lane, made, self.small.seen.clone(), self.small.step, loss, triples))
            if self.crew.size > 1:
                self.store.flush()
        fresh -= {part for bucket in buckets for part in bucket}
        if start:
            lanes = self.crew.all(lanes)
            self.small.load(combined(start, lanes), max(lane.step for lane in lanes))
            self.store.forget(theirs)
            live.step(sum(lane.triples for lane in lanes if lane.number not in mine))
        self.state.step = self.state.anew + self.small.step
        self.state.loss += sum(lane.loss for lane in lanes)
        self.state.triples += sum(lane.triples for lane in lanes)

    def _copied(self) -> dict[str, Tensor]:
        return {name: one.clone() for name, one in self.small.tensors().items()}

    def _held(self, bucket: Bucket, following: set[int], fresh: AbstractSet[int]) -> Held:
        """Take the parts of a bucket; the optimiser forgets what it gathered of fresh ones."""
        parts = self.store.hold(sorted({*bucket}), soon=sorted(following))
        for part in fresh & {*bucket}:
            for one in parts[part].state.values():
                one.zero_()
        return Held(parts, self.store.edges)

    def _bucket(self, bucket: Bucket, held: Held, factor: float, live: Live) -> tuple[float, int]:
        """Train one bucket; return the sum of its losses, and its triples.

        What a scorer drops is drawn anew for each bucket, so that a run that goes on draws the same.
        """
        devices = [self.small.relations.device] if self.small.relations.is_cuda else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(key(self.recipe.seed, "dropped", self.state.epoch, *bucket))
            return self._steps(bucket, held, factor, live)

    def _steps(self, bucket: Bucket, held: Held, factor: float, live: Live) -> tuple[float, int]:
        pools = sampling.pools(bucket, self.store.edges)
        self.stepper.scorer.train()
        total, triples, waiting = 0.0, 0, []
        blocks = self.sampler.epoch(self.buckets.bucket(*bucket), self.state.epoch, bucket, pools)
        for batch in (batch for block in ahead(blocks) for batch in block):
            waiting.append(self.stepper(held, batch, factor) * batch.triples)
            triples += batch.triples
            live.step(batch.triples)
            if len(waiting) == CHECKED:
                total += self._checked(waiting)
                if self.asked() and not self.told:
                    self.told = True
                    live.note("stopping behind this round; once more, and it stops at once")
        return total + self._checked(waiting), triples

    def _checked(self, waiting: list[Tensor]) -> float:
        """Add up the losses of some steps; one that is no number ends the run."""
        found = float(torch.stack(waiting).sum()) if waiting else 0.0
        if not math.isfinite(found):
            where = f"the loss is {found} in epoch {self.state.epoch + 1}"
            raise TaskError(f"{where}: a lower rate (-o optimiser.lr=...) helps", task="embed")
        waiting.clear()
        return found

    def _judge(self, seen: Mapping[str, Any], live: Live) -> None:
        """Take note of a look at validation; the best state is kept."""
        looks, judge = self.state.looks, self.recipe.judge
        looks.append({"epoch": self.state.epoch, **seen})
        before = self.state.best
        if before is None or seen["mrr"] > looks[before]["mrr"]:
            self.state.best = before = len(looks) - 1
        worse = len(looks) - 1 - before
        self.state.ended = bool(judge.patience) and worse >= judge.patience
        live.look(looks[-1], best=not worse)
        if not worse and judge.take == "best":
            self._save(now=True, best=True)

    def _pause(self, *, now: bool = False) -> None:
        """Write a checkpoint, if it is time; stop here if that was asked of any process."""
        stop = self.crew.any(self.asked())
        self._save(now=now or stop)
        if stop:
            raise KeyboardInterrupt

    def _save(self, *, now: bool = False, best: bool = False) -> None:
        """Write a checkpoint, if it is time: the main process says so."""
        pause = max(SAVE, SHARE * self.took)
        wanted = now or time.monotonic() - self.saved > pause
        if not self.crew.told(wanted) or self._stamp() == self.stamp:
            return
        begun = time.monotonic()
        told = msgspec.to_builtins(self.state)
        with self.crew.together():
            self.store.checkpoint(self._stamp(), self.small.tensors(), told, best=best)
        self.saved = time.monotonic()
        self.took, self.stamp = self.saved - begun, self._stamp()

    def _stamp(self) -> int:
        """Return the number of the state; it grows from round to round, and into the next epoch."""
        return self.state.epoch * (self.number**2 + 1) + self.state.round

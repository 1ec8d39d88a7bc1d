"""A run evaluated on shards: all is opened and checked first, then asked, scored and told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools import config, plugins
from kbtools.artefact import unite
from kbtools.errors import ConfigError
from kbtools.metrics import Measure, Results
from kbtools.models.tasks.shards import Settings
from kbtools.models.tasks.shards.asking import Kept, Replies, ask
from kbtools.models.tasks.shards.kinds import __name__ as KINDS  # noqa: N812
from kbtools.models.tasks.shards.kinds.base import Asked, Told
from kbtools.models.tasks.shards.opening import opened
from kbtools.models.tasks.shards.texts import Texts, naming

HIDDEN = {"plots", "device", "tokens"}  # settings that change no number
STR = pa.string()


class Evaluation:
    """Everything opened and checked; `run` does the work. Memory: the model, a batch, the answers."""

    def __init__(
        self,
        run: str | Path,
        shards: Sequence[str | Path],
        *,
        kbs: Sequence[str | Path] = (),
        settings: Settings,
        seed: int = 0,
        quiet: bool = True,
    ) -> None:
        self.settings, self.seed, self.quiet, self.kbs = settings, seed, quiet, kbs
        self.opened = opened(run, shards, kbs, settings)
        self.texts = {
            task: Texts(source.shards, settings.split, self.opened.data.tokenizer)
            for task, source in self.opened.sources.items()
        }

    @property
    def lineage(self) -> dict[str, Any]:
        """What a report says of its making: settings that can change results, inputs, terms."""
        plain = {name: one for name, one in config.plain(self.settings).items() if name not in HIDDEN}
        kbs = {ref.content: ref for manifest in self.opened.manifests for ref in manifest.kbs}
        return {
            "settings": {"seed": self.seed, **plain},
            "inputs": self.opened.inputs,
            "kbs": list(kbs.values()),
            "licences": unite(one for manifest in self.opened.manifests for one in manifest.licences),
            "draw": self.settings.plots,
        }

    def run(self) -> Results:
        """Ask and score: the numbers, and every answer."""
        found = ask(self.opened, self.settings, quiet=self.quiet)
        if not any(many for replies in found.values() for many in replies.targets.values()):
            names = ", ".join(name for replies in found.values() for name in replies.targets)
            paths = ", ".join(str(source.shards.path) for source in self.opened.sources.values())
            raise ConfigError(f"{paths}: no example of {self.settings.split} has what {names} asks for")
        measures: list[Measure] = []
        told: list[Told] = []
        tables: list[pa.Table] = []
        for task, replies in found.items():
            measures += self._costs(task, replies)
            for (name, of), kept in replies.answers.items():
                one = self._told(task, name, of, kept)
                told.append(one)
                tables.append(self._predictions(task, self._system(task, name, of), kept, one))
        empty = pa.table({"asked": pa.array([], STR)})
        return Results(
            title=f"{self.opened.path.name} on {self.settings.split}",
            measures=[*(one for each in told for one in each.measures), *measures],
            predictions=pa.concat_tables(tables, promote_options="permissive") if tables else empty,
            curves=[one for each in told for one in each.curves],
            heats=[one for each in told for one in each.heats],
            clouds=[one for each in told for one in each.clouds],
            files={name: data for each in told for name, data in each.files.items()},
            counts=self._counts(found),
            notes=[*self._notes(found), *(one for each in told for one in each.notes)],
        )  # fmt: skip

    def _system(self, task: str, name: str, of: str = "") -> str:
        lead = f"{task} " if len(self.opened.sources) > 1 else ""
        return f"{lead}{name}{of and f' {of}'}"

    def _told(self, task: str, name: str, of: str, kept: Kept) -> Told:
        texts, source = self.texts[task], self.opened.sources[task]
        groups = texts.groups() if kept.kind == "one" else None
        asked = Asked(
            self._system(task, name, of), kept.names, self.settings, self.seed,
            group=None if groups is None else groups[kept.example],
            words=texts.words,
            entities=naming(source.shards, self.kbs, of) if kept.kind == "entities" else None,
        )  # fmt: skip
        found: Told = plugins.load(KINDS, kept.kind).tell(kept.example, kept.columns, asked)
        return found

    def _costs(self, task: str, replies: Replies) -> Iterator[Measure]:
        """Tell losses, and the measures of objectives that give no answers."""
        answered = {name for name, _ in replies.answers}
        for key, value in replies.means.items():
            name, _, measure = key.partition(".")
            if not measure or not np.isfinite(value) or (measure != "loss" and name in answered):
                continue
            many = int(replies.targets[name])
            yield Measure(system=self._system(task, name), metric=measure, value=value, n=many)

    def _predictions(self, task: str, system: str, kept: Kept, told: Told) -> pa.Table:
        """Lay down what was answered, beside the texts."""
        texts, rows = self.texts[task], told.rows
        example, place = kept.example[rows], kept.place[rows]
        columns: dict[str, Any] = {
            "asked": pa.array([system], STR).take(pa.array(np.zeros(len(rows), np.int64))),
            "example": pa.array(example),
        }
        if (ids := texts.ids(example)) is not None:
            columns["id"] = ids.cast(STR)
        if self.settings.text:
            columns["text"] = texts.whole(example)
        columns["token"] = pa.array(place)
        more = dict(told.predictions)
        if "last" in more:
            last = kept.place[np.asarray(more.pop("last"), np.int64)]
            columns["last token"] = pa.array(last)
            columns["surface"] = texts.parts(example, place, last)
        columns |= {name: _column(name, value, len(rows)) for name, value in more.items()}
        return pa.table(columns)

    def _counts(self, found: Mapping[str, Replies]) -> dict[str, Any]:
        split = self.settings.split
        examples = {task: source.shards.rows(split) for task, source in self.opened.sources.items()}
        lead = len(examples) > 1
        counts = {f"examples{f' of {task}' if lead else ''}": many for task, many in examples.items()}
        return counts | {
            f"targets of {self._system(task, name)}": int(many)
            for task, replies in found.items()
            for name, many in replies.targets.items()
        }

    def _notes(self, found: Mapping[str, Replies]) -> Iterator[str]:
        split = self.settings.split
        for task, replies in found.items():
            for name, many in replies.targets.items():
                if not many:
                    yield f"{self._system(task, name)}: no example of {split} has what it asks for."
            for key, value in replies.means.items():
                if not np.isfinite(value):
                    yield f"{key} is {value}: it is left out."
        if self.opened.data.tokenizer is None:
            yield "the tokenizer is not where it was: tokens are told by number."
        if split == "train":
            yield "these are examples that it was trained on, unless other shards were given."


def _column(name: str, value: Any, many: int) -> pa.Array:
    if value is None:
        return pa.nulls(many, pa.bool_() if name == "right" else pa.float32())
    made = value if isinstance(value, pa.Array) else pa.array(value)
    return made.cast(pa.float32()) if pa.types.is_floating(made.type) else made

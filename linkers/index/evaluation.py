"""Candidates of mentions with known answers: from each source by itself, and from all of them fused.

All is opened and checked first; `ranks.py` does the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kbtools import config
from kbtools.alias.lookup import Alias
from kbtools.artefact import Input, Licence, digest, unite
from kbtools.config import setting
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.bases import bases_of
from kbtools.linkers.index import fusion, logistic, ranks
from kbtools.linkers.index.base import Index
from kbtools.linkers.index.logistic import Logistic
from kbtools.linkers.index.sources import sources
from kbtools.metrics import Results
from kbtools.tasks import candidates
from kbtools.tasks.candidates import gold as golds
from kbtools.tasks.candidates import groups
from kbtools.tasks.candidates.gold import Gold

FUSION_FILE = "fusion.toml"


@dataclass(frozen=True, kw_only=True)
class Settings(candidates.Settings, fusion.Settings):
    """All that can be said about an evaluation of candidates."""

    fit_on: Path | None = field(
        default=None, metadata={"help": "Logistic: mentions to fit the weights on, as --data."}
    )
    fit_share: float = setting("Logistic: or a share of the mentions, which are not evaluated then.", 0.0)
    fit_mentions: int = setting("Logistic: mentions to fit on, at most.", 20_000)
    fusion_file: Path | None = field(
        default=None, metadata={"help": "Logistic: or weights of an earlier report, its fusion.toml."}
    )
    ridge: float = setting("Logistic: how strongly weights are kept small.", 1.0)
    popularity: bool = setting("Logistic: look at sitelinks and links to candidates, too.", False)
    context: bool = setting("Ask dense indexes for names with the context that mentions have.", False)
    plots: bool = setting("Draw plots; needs matplotlib.", True)

    def __post_init__(self) -> None:
        candidates.Settings.__post_init__(self)
        fusion.Settings.__post_init__(self)
        if not 0 <= self.fit_share < 1:
            raise ConfigError(f"fit_share is {self.fit_share}; it is at least 0 and less than 1")
        if self.fit_mentions < 1 or not 0 < self.ridge < float("inf"):
            raise ConfigError("fit_mentions is at least 1, ridge more than 0")
        if self.popularity and self.fusion != "logistic":
            raise ConfigError("popularity goes with --fusion logistic")
        ways = [bool(self.fit_on), bool(self.fit_share), bool(self.fusion_file)]
        if sum(ways) != (self.fusion == "logistic"):
            raise ConfigError(
                "logistic fusion takes one of fit_on, fit_share and fusion_file"
                if self.fusion == "logistic"
                else "fit_on, fit_share and fusion_file go with --fusion logistic"
            )


class Evaluation:
    """Everything opened and checked; `run` does the work."""

    def __init__(
        self,
        alias: str | Path,
        data: str | Path,
        *,
        indexes: Sequence[Index] = (),
        kbs: Sequence[str | Path] = (),
        settings: Settings,
        seed: int = 0,
        quiet: bool = True,
    ) -> None:
        self.settings, self.seed, self.quiet = settings, seed, quiet
        self.alias, self.data = Alias(alias), Path(data)
        self.indexes = list(indexes)
        self.sources = sources(self.alias, self.indexes)
        fusion.weights_of(settings.source_weights, [source.name for source in self.sources])
        self.bases = bases_of(self.alias.manifest, kbs)
        self.inputs = self._inputs()

    @property
    def lineage(self) -> dict[str, Any]:
        """What a report says of its making: settings that can change results, inputs, terms."""
        plain = config.plain(self.settings)
        hidden = {"fit_on", "fusion_file", "plots"}  # files are among the inputs
        return {
            "settings": {"seed": self.seed, **{k: v for k, v in plain.items() if k not in hidden}},
            "inputs": self.inputs,
            "kbs": self.alias.manifest.kbs,
            "licences": self.licences,
            "draw": self.settings.plots,
        }

    @property
    def licences(self) -> list[Licence]:
        """The terms of all that was used."""
        manifests = [self.alias.manifest, *(index.manifest for index in self.indexes)]
        manifests += [part.manifest for base in self.bases.values() for part in base.parts]
        return unite(licence for manifest in manifests for licence in manifest.licences)

    def _inputs(self) -> list[Input]:
        found = [Input(path=str(self.alias.path), kind="alias", content=self.alias.manifest.content)]
        found += [
            Input(path=str(index.path), kind="index", content=index.manifest.content)
            for index in self.indexes
        ]
        found += [
            Input(path=str(part.path), kind="kb", content=part.manifest.content)
            for base in self.bases.values()
            for part in base.parts
        ]
        found.append(golds.lineage(self.data))
        if self.settings.fit_on:
            found.append(golds.lineage(self.settings.fit_on))
        if path := self.settings.fusion_file:
            if not path.is_file():
                raise ConfigError(f"{path}: no such file; a report with fitted weights has one")
            found.append(Input(path=str(path), kind="file", content=digest.of_file(path)))
        return found

    def run(self) -> Results:
        """Evaluate: the numbers, and every prediction."""
        gold = self._read(self.data, self.settings.mentions)
        how = self._asking()
        gold, made = self._fusion(gold, how)
        names = [source.name for source in self.sources]
        where = str(self.settings.fusion_file or FUSION_FILE)
        found = ranks.rank(gold, self.sources, ranks.scoring(names, how, made, where), how)
        ways = [
            groups.lengths(gold.surfaces),
            groups.priors(found.ranks[:, 0]),
            groups.links(self.alias.path, gold),
            groups.types(self.bases, gold, self.settings.types) if self.settings.types else None,
        ]
        results = candidates.judge(
            gold,
            found,
            [way for way in ways if way is not None],
            self.settings,
            seed=self.seed,
            title=f"Candidates of the mentions in {self.data.name}",
        )
        files = {FUSION_FILE: made.to_toml()} if made else {}
        return results._replace(files=files, notes=[*self._notes(gold)])

    def _read(self, path: Path, most: int) -> Gold:
        gold = golds.read(path, self.bases, share=self.settings.share, most=most, seed=self.seed)
        if not gold.surfaces:
            told = ", ".join(f"{n:,} {what}" for what, n in gold.counts.items())
            raise ArtefactError(f"{path}: no mention whose entity is known ({told})")
        return gold

    def _fusion(self, gold: Gold, how: ranks.Asking) -> tuple[Gold, Logistic | None]:
        """Fit or read the weights of fusion; return the mentions that are left to be evaluated."""
        settings = self.settings
        if settings.fusion_file:
            return gold, logistic.load(settings.fusion_file)
        if settings.fit_on:
            dev = self._read(settings.fit_on, settings.fit_mentions)
        elif settings.fit_share:
            dev, gold = ranks.split(gold, settings.fit_share, self.seed)
            if not (dev.surfaces and gold.surfaces):
                raise ConfigError(f"{self.data}: too few mentions to fit on a share of {settings.fit_share}")
            gold.counts["fitted on"] = len(dev.surfaces)
            drawn = np.random.default_rng([self.seed, 2]).permutation(len(dev.surfaces))
            dev = dev.take(np.sort(drawn[: settings.fit_mentions]))
        else:
            return gold, None
        return gold, ranks.fit(dev, self.sources, how, settings.ridge)

    def _asking(self) -> ranks.Asking:
        settings = self.settings
        known = self._popularity() if settings.popularity else None
        return ranks.Asking(settings.at[-1], settings.context, settings, self.quiet, known)

    def _popularity(self) -> dict[int, NDArray[np.float32]]:
        """Read how well known entities are: 4 bytes each."""
        if missing := {ref.name for ref in self.alias.kbs} - {base.name for base in self.bases.values()}:
            raise ConfigError(f"popularity is that of all candidates; pass {', '.join(missing)} with --kb KB")
        known = {}
        for kb, base in self.bases.items():
            table = base.kb.table("entities", ["sitelinks", "in_degree"])
            known[kb] = np.add(*(table[name].to_numpy().astype(np.float32) for name in table.column_names))
        return known

    def _notes(self, gold: Gold) -> Iterator[str]:
        if unknown := gold.counts.get("unknown ids"):
            of = f"{unknown:,} of {gold.counts['read']:,} mentions"
            yield f"{of} have an id that no knowledge base knows; they are left out."
        if nowhere := gold.counts.get("links without an entity"):
            of = f"{nowhere:,} of {gold.counts['read']:,} links"
            yield f"{of} lead to nothing that has an entity; they are left out."
        counted = {one.content for one in self.alias.manifest.inputs}
        if any(one.path == str(self.data) and one.content in counted for one in self.inputs):
            yield (
                "The links of these pages were counted into the alias table: "
                "what it finds here is more than it finds in new text."
            )

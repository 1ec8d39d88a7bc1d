"""Fit a linker to gold and write it as an artefact; the figures in its manifest are cross-validated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kbtools import artefact, config, corpus
from kbtools.artefact import Manifest, Staging, Table, begin, digest, entry, unite
from kbtools.corpus import Report
from kbtools.errors import ConfigError
from kbtools.kb.rejects import rejects_table
from kbtools.linkers import opening
from kbtools.linkers.fitting import reporting, validation
from kbtools.linkers.fitting.examples import Examples
from kbtools.linkers.fitting.gathering import Gathered, examples, gather
from kbtools.linkers.fitting.opening import Fitted, files
from kbtools.linkers.fitting.settings import Settings
from kbtools.linkers.fitting.validation import Crossed
from kbtools.linkers.linking import Linker
from kbtools.linkers.manifests import inputs_of
from kbtools.linkers.opening import Asked, Opened
from kbtools.linkers.preset import Preset
from kbtools.presets import to_toml

KIND = "linker"
RULE = {"rule": "fitted"}


class Job:
    """Gold to learn from, and the linker that learns."""

    def __init__(
        self, documents: str, asked: Asked, settings: Settings, corpus_settings: Sequence[str]
    ) -> None:
        self.documents, self.asked, self.settings = documents, asked, settings
        self.here = opening.opened(asked)
        self.corpus_settings = list(corpus_settings)
        self.report = Report()
        self.inputs = [*corpus.inputs(documents, corpus_settings), *inputs_of(asked, self.here)]

    @property
    def told(self) -> dict[str, Any]:
        """What can change the result."""
        own = {"preset": config.plain(self.here.preset), "corpus": self.corpus_settings}
        return {**config.plain(self.settings), **own}

    def gather(self) -> tuple[Gathered, list[Examples]]:
        """Look at gold."""
        found = gather(self.documents, self.here, self.settings, self.report, self.corpus_settings)
        return found, [examples(seen, self.here) for seen in found.looks]

    def learn(
        self, found: Gathered, parts: Sequence[Examples], crossed: Crossed
    ) -> tuple[Fitted, Preset, dict[str, Any]]:
        """Fit to all of gold; return the weights, their preset, and what there is to say."""
        known = [part.take(np.flatnonzero(seen.told)) for part, seen in zip(parts, found.looks, strict=True)]
        fitted = validation.learn(known, found.names, self.settings)
        fitted = fitted._replace(calibration=validation.calibrate(crossed))
        told = self.here.preset
        own = replace(told, ranking=RULE, by_link=False, nil=replace(told.nil, total=0.0, likelier=True))
        notes, threshold = self._judged(crossed, own)
        if threshold:
            own = replace(own, nil=replace(own.nil, total=threshold, likelier=False))
            notes["threshold"] = own.nil.total
        return fitted, own, notes

    def _judged(self, crossed: Crossed, own: Preset) -> tuple[dict[str, Any], float]:
        seed, given, before = self.settings.seed, crossed.given, self.here.linker
        theirs = before.rank(given.seen.mentions, given.seen.features)
        ranks = {"prior": given.seen.mentions.prior, "before": theirs.p, "fitted": given.ranked.p}
        notes = {"folds": int(crossed.fold.max()) + 1, **reporting.accuracy(crossed, ranks, seed)}
        told, threshold = self._by_itself(crossed, own)
        return {**notes, **reporting.with_nil(crossed, threshold, seed), **told}, threshold

    def _by_itself(self, crossed: Crossed, own: Preset) -> tuple[dict[str, Any], float]:
        """Judge the mentions that the linker finds, and pick the threshold from which on they are kept."""
        if crossed.found is None:
            return {}, 0.0
        seen, before = crossed.found.seen, self.here.linker
        theirs = before.rank(seen.mentions, seen.features)
        fitted = Linker(own, self.here.knowledge, rank=before.rank)
        return reporting.by_itself(crossed, (before, theirs), fitted, self.settings.seed)


def fit(
    documents: str | Path,
    out: str | Path | None,
    *,
    alias: str | Path | None,
    indexes: Sequence[str | Path] = (),
    kbs: Sequence[str | Path] = (),
    linker: str = "type",
    overrides: Sequence[str] = (),
    corpus_settings: Sequence[str] = (),
    encoder: str | None = None,
    load_encoder: str | None = None,
    overwrite: bool = False,
    restart: bool = False,
    **settings: Any,
) -> Manifest:
    """Fit a linker to the gold of a corpus and write the artefact `out`; return its manifest.

    `linker` is the preset, TOML file or fitted linker whose mentions, candidates and features it has.
    """
    if not out:
        raise ConfigError("--out is missing: the folder to write")
    job = _job(
        documents, alias, settings, corpus_settings, indexes=indexes, kbs=kbs, linker=linker,
        overrides=overrides, encoder=encoder, load_encoder=load_encoder,
    )  # fmt: skip
    begun = time.perf_counter()
    plan = artefact.plan(KIND, job.told, [one.content for one in job.inputs])
    with Staging(Path(out), plan, overwrite=overwrite, restart=restart) as staging:
        if staging.whole is not None:
            return staging.whole
        with staging.worthwhile():
            found, parts = job.gather()
            crossed = validation.cross(found, job.settings, parts)
            fitted, own, notes = job.learn(found, parts, crossed)
        tables = _written(staging.new, own, fitted) | rejects_table(staging.new, job.report.rejects)
        if not found.all:
            notes["not looked at"] = f"documents after the first {len(found.documents):,}: --most"
        resources = {"seconds": round(time.perf_counter() - begun, 3)}
        return staging.commit(_manifest(job, found, tables, notes, resources))


def cross_validated(
    documents: str | Path,
    *,
    alias: str | Path | None,
    corpus_settings: Sequence[str] = (),
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Crossed:
    """Return what linkers answer for documents that they were not fitted to; `options` as of `fit`."""
    job = _job(documents, alias, settings or {}, corpus_settings, **{"linker": "type", **options})
    found, parts = job.gather()
    return validation.cross(found, job.settings, parts)


def _job(
    documents: str | Path,
    alias: str | Path | None,
    settings: dict[str, Any],
    corpus_settings: Sequence[str],
    **options: Any,
) -> Job:
    if not alias:
        raise ConfigError("--alias is missing: the table of names")
    chosen = config.build(Settings, settings, where="fit")
    return Job(str(documents), opening.ask(alias, **options), chosen, corpus_settings)


def _written(folder: Path, own: Preset, fitted: Fitted) -> dict[str, Table]:
    tables = {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files(to_toml(own), fitted).items():
        (folder / name).write_bytes(data)
        told = digest.of_json([KIND, name, 1])
        tables[name.partition(".")[0]] = Table(rows=1, files=[entry(folder, name)], schema=told)
    return tables


def _manifest(
    job: Job, found: Gathered, tables: dict[str, Table], notes: dict[str, Any], resources: dict[str, Any]
) -> Manifest:
    here: Opened = job.here
    made_from = [
        artefact.read(Path(one.path))
        for one in job.inputs
        if one.kind in {"alias", "index", "linker", "linked"}
    ]
    alias = here.knowledge.alias.manifest
    return begin(
        KIND,
        settings=job.told,
        inputs=job.inputs,
        kbs=alias.kbs,
        tables=tables,
        counts={
            **job.report.counts,
            "documents": len(found.documents),
            "gold": found.gold,
            "known": found.known,
        },
        notes=notes,
        licences=unite(licence for one in made_from for licence in one.licences),
        incomplete=any(one.incomplete for one in made_from) or bool(job.report.damage),
        resources=resources,
    )

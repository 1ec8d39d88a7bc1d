"""Building an alias artefact: names are staged, counted and weighed range by range, and compiled.

1. The row groups of all `surfaces` tables, and prior files, become staged files, parted by ranges of norms.
2. Each range by itself is counted and weighed; its rows are the files of the tables, in order.
3. The pieces of all ranges become the compiled look-up.
4. If there is text, all of it is scanned with that look-up, for the link probabilities.

Every step is a list of tasks: a build that was cut off goes on. Memory: what a worker may use for one range
(`memory` / workers), and 16 bytes a norm when the hash index is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools import artefact
from kbtools.alias.building import earlier, entities, text
from kbtools.alias.building.asked import Asked, ask
from kbtools.alias.building.names import Rules
from kbtools.alias.building.ranges import How
from kbtools.alias.building.stages import Stages, cut
from kbtools.alias.schema import KIND, LOOKUP, SOURCES, TABLES
from kbtools.artefact import (
    Done,
    FileEntry,
    Input,
    KbRef,
    Manifest,
    Staging,
    Table,
    begin,
    digest,
    published,
    unite,
)
from kbtools.executors import pool
from kbtools.kb.rejects import rejects_table
from kbtools.kb.schema_digest import schema_digest

DEFAULT_MEMORY = 512 << 20  # a worker


def build(
    kbs: Sequence[str | Path],
    out: str | Path,
    *,
    weights: str | Path | None = None,
    prior_files: Sequence[str | Path] = (),
    corpora: Sequence[str] = (),
    base: str | Path | None = None,
    compat: str | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
    overrides: Iterable[str] = (),
    **settings: Any,
) -> Manifest:
    """Count who is called what in knowledge bases (with their overlays) and write an alias artefact.

    `base` is an earlier one: its knowledge bases are taken too, and what has not changed is not read again.
    `compat` names a system whose published formula gives the priors instead (`alias/compat`); overrides
    that begin with "compat." are settings of that system.
    """
    asked = ask(
        kbs, weights=weights, prior_files=prior_files, corpora=corpora, base=base, compat=compat,
        overrides=overrides, settings=settings,
    )  # fmt: skip
    inputs = asked.inputs
    plan = artefact.plan(KIND, asked.told, [one.content for one in inputs])
    with (
        Staging(Path(out), plan, overwrite=overwrite, restart=restart) as staging,
        pool(staging.folder, workers=workers) as crew,
    ):
        if staging.whole is not None:
            return staging.whole
        share = (memory or DEFAULT_MEMORY * workers) // workers
        stages = Stages(staging.folder, crew, memory=share, quiet=quiet)
        tables = _tables(asked, stages)
        resources = {"stages": stages.seconds, "peak worker MB": round(crew.peak_mb)}
        made = _manifest(asked, inputs)
        return staging.commit(
            msgspec.structs.replace(
                made,
                tables=tables,
                counts=stages.counts,
                resources=resources,
                incomplete=made.incomplete or bool(stages.damage),
            )
        )


def _manifest(asked: Asked, inputs: list[Input]) -> Manifest:
    bases = [base.kb.manifest for base in asked.bases]
    return begin(
        KIND,
        settings=asked.told,
        inputs=inputs,
        kbs=[KbRef(name=b.name or "", content=b.content, id_space=b.id_space) for b in bases],
        notes={"parts": earlier.parts(asked.bases)},
        licences=unite(one for part in asked.parts for one in part.manifest.licences),
        incomplete=any(part.manifest.incomplete for part in asked.parts),
    )


def _tables(asked: Asked, stages: Stages) -> dict[str, Table]:
    settings = asked.settings
    for place, base in enumerate(asked.bases):
        entities.write_popularity(stages.folder, place, base, settings.beta, settings.gamma)
        entities.write_denied(stages.folder, place, base, settings.deny_classes, stages.memory)
    bounds = cut(asked.bases)
    rules = Rules(
        settings.langs, settings.min_length, settings.max_length, settings.numbers, asked.stop, bounds
    )
    known = earlier.counted(asked.old, asked.bases, asked.told)
    staged = stages.names(asked.bases, rules, {here for _, here in known.places})
    staged += text.stage_priors(stages, asked, rules)
    names = msgspec.structs.replace(known, staged=staged)
    how = How(
        weights=[getattr(asked.weights, word) for word in SOURCES],
        alpha=settings.alpha,
        kappa=settings.kappa,
        most=settings.most,
        min_count=settings.min_count,
        kbs=len(asked.bases),
        counting=asked.counting,
        compat=asked.compat and asked.compat.system,
        compat_settings=asked.compat.settings if asked.compat else {},
    )
    done = stages.weigh(names, bounds, how)
    compiled = stages.compile(bounds, several_kbs=len(asked.bases) > 1)
    if asked.counting:
        sizes = [one.facts["entries"] for one in done]
        done += text.count(stages, asked, bounds, sizes)
    stages.counts["norms"] = compiled.facts["norms"]
    made = {name: _table(name, done) for name in TABLES}
    made[LOOKUP] = _lookup([compiled, *done], compiled.facts["norms"])
    return made | rejects_table(stages.folder / "new", stages.rejects)


def _table(name: str, done: Sequence[Done]) -> Table:
    mine = [one for one in done if _files([one], name)]
    rows = sum(one.facts.get(name, 0) for one in mine)
    return Table(rows=rows, files=_files(mine, name), schema=schema_digest(TABLES[name].schema))


def _files(done: Sequence[Done], table: str) -> list[FileEntry]:
    return [file for file in published(done) if file.path.startswith(f"{table}/")]


def _lookup(done: Sequence[Done], norms: int) -> Table:
    files = sorted(_files(done, LOOKUP), key=lambda file: file.path)
    return Table(rows=norms, files=files, schema=digest.of_json([file.path for file in files]))

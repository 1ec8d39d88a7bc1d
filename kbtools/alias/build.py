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
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from kbtools import artefact, config, plugins
from kbtools.alias import earlier, entities, normal, text
from kbtools.alias.names import Rules
from kbtools.alias.ranges import How
from kbtools.alias.schema import KIND, LOOKUP, SOURCES, TABLES
from kbtools.alias.settings import Settings, Weights
from kbtools.alias.settings import weights as read_weights
from kbtools.alias.stages import Stages, cut, surfaces
from kbtools.artefact import Done, FileEntry, Input, KbRef, Manifest, Staging, Table, begin, digest, unite
from kbtools.errors import ArtefactError, ConfigError, SourceError
from kbtools.executors import pool
from kbtools.kb.reader import Base, gather
from kbtools.kb.schema import STR
from kbtools.kb.schema import TABLES as KB_TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import write_rows

DEFAULT_MEMORY = 512 << 20  # a worker
COMPAT = "compat."


class Compat(NamedTuple):
    """The system whose formula gives the priors, and its settings."""

    system: str
    settings: dict[str, Any]


class Asked(NamedTuple):
    """What a build is made from, and how."""

    bases: list[Base]
    prior_files: tuple[str, ...]
    corpora: tuple[str, ...]
    old: Path | None
    settings: Settings
    stop: list[str]
    weights: Weights
    compat: Compat | None

    @property
    def parts(self) -> list[Any]:
        """All knowledge bases, bases and overlays."""
        return [part for base in self.bases for part in base.parts]

    @property
    def counting(self) -> bool:
        """Whether there is text to count names in."""
        return bool(self.corpora or self.pages)

    @property
    def pages(self) -> list[Path]:
        """The knowledge bases that came with text."""
        wanted = self.parts if self.settings.pages else []
        return [part.path for part in wanted if part.rows("pages")]

    @property
    def told(self) -> dict[str, Any]:
        """The settings, for the manifest."""
        told = {
            **config.plain(self.settings),
            "stop_aliases": self.stop,
            "weights": config.plain(self.weights),
            "compat": self.compat and self.compat.system,
            "compat_settings": self.compat and self.compat.settings,
        }
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))  # as it is read again
        return plain


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
    overrides = list(overrides)
    theirs = [item.removeprefix(COMPAT) for item in overrides if item.startswith(COMPAT)]
    ours = [item for item in overrides if not item.startswith(COMPAT)]
    given = config.build(Settings, settings, where="alias", overrides=ours)
    old = Path(base) if base else None
    paths = [*(earlier.knowledge_bases(old, kbs) if old else ()), *kbs]
    if not paths:
        raise ConfigError("no knowledge base to take names from")
    asked = Asked(
        bases=gather(paths),
        prior_files=tuple(str(file) for file in prior_files),
        corpora=tuple(corpora),
        old=old,
        settings=given,
        stop=_stop(given.stop_aliases),
        weights=read_weights(Path(weights) if weights else None),
        compat=_compat(compat, theirs),
    )
    if not surfaces(asked.bases):
        raise ArtefactError(f"{paths[0]}: no names to look up (no rows in its table surfaces)")
    inputs = _inputs(asked)
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


def _compat(system: str | None, overrides: list[str]) -> Compat | None:
    if system is None:
        if overrides:
            raise ConfigError(f"{COMPAT}{overrides[0]} is a setting of another system: name it with --compat")
        return None
    known = plugins.load("kbtools.alias.compat", system).Settings
    return Compat(
        system, config.plain(config.build(known, where=f"alias --compat {system}", overrides=overrides))
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


def _inputs(asked: Asked) -> list[Input]:
    found = [Input(path=str(kb.path), kind="kb", content=kb.manifest.content) for kb in asked.parts]
    for file in asked.prior_files:
        if not Path(file).is_file():
            raise SourceError("no such file", path=file)
        found.append(Input(path=file, kind="file", content=digest.of_dump(Path(file))))
    return found + text.inputs(asked.corpora)


def _stop(path: Path | None) -> list[str]:
    """Read the norms of the names that are left out."""
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    named = normal.exact(pa.array([line for line in lines if line.strip()], STR))
    return sorted(set(normal.norm(named).to_pylist()))


def _tables(asked: Asked, stages: Stages) -> dict[str, Table]:
    settings = asked.settings
    for place, base in enumerate(asked.bases):
        entities.write_popularity(stages.folder, place, base, settings.beta, settings.gamma)
        entities.write_denied(stages.folder, place, base, settings.deny_classes, stages.memory)
    bounds = cut(asked.bases)
    rules = Rules(settings.langs, settings.min_length, settings.max_length, settings.numbers, asked.stop)
    known = earlier.counted(asked.old, asked.bases, asked.told) if asked.old else {}
    names = [*known.values(), *stages.names(asked.bases, bounds, rules, set(known))]
    names += text.stage_priors(stages, asked.prior_files, asked.bases, rules, bounds, settings.site)
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
        done += text.count(stages, asked.pages, asked.corpora, bounds, sizes)
    stages.counts["norms"] = compiled.facts["norms"]
    made = {name: _table(name, done) for name in TABLES}
    made[LOOKUP] = _lookup([compiled, *done], compiled.facts["norms"])
    return made | _rejected(stages)


def _table(name: str, done: Sequence[Done]) -> Table:
    files = [file for one in done for file in one.files if file.path.startswith(f"new/{name}/")]
    rows = sum(one.facts.get(name, 0) for one in done if any(file in one.files for file in files))
    return Table(rows=rows, files=[_below(file) for file in files], schema=schema_digest(TABLES[name].schema))


def _lookup(done: Sequence[Done], norms: int) -> Table:
    files = [_below(file) for one in done for file in one.files if file.path.startswith(f"new/{LOOKUP}/")]
    files.sort(key=lambda file: file.path)
    return Table(rows=norms, files=files, schema=digest.of_json([file.path for file in files]))


def _rejected(stages: Stages) -> dict[str, Table]:
    if not stages.rejects:
        return {}
    schema = KB_TABLES["rejects"].schema
    names = write_rows(
        stages.folder / "new", "rejects", pa.Table.from_pylist(stages.rejects, schema).to_batches()
    )
    files = [_below(artefact.entry(stages.folder, f"new/{name}")) for name in names]
    return {"rejects": Table(rows=len(stages.rejects), files=files, schema=schema_digest(schema))}


def _below(file: FileEntry) -> FileEntry:
    return msgspec.structs.replace(file, path=file.path.removeprefix("new/"))

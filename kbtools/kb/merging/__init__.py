"""Several knowledge bases become one: a new one, with new eids.

Which entities are one is decided in `joins.py`: those of equal id, or those that cross references join. The
first knowledge base comes first: its entities keep their order, then come those of the next that were not
joined, and so on. `tables.py` carries all rows over:

- an entity's label and description are those of the first knowledge base that has any; sitelinks are the
  most that any has, freq is summed up, degrees are counted anew; a tombstone lives if any of its kind does
- the own id of every entity that was joined to an earlier one is kept in `xref`, under its knowledge base's
  name; where an id means two entities that are not joined, the later one is called `name:id`
- relations of equal id are one; statements of a later knowledge base are numbered on, so that qualifiers
  find theirs; `best` is judged over all that is now said of one head by one relation
- labels, surfaces, descriptions, types, sitelinks and cross references that are equal are kept once, but
  statements are all kept: two knowledge bases that say the same have each said it
- classes are closed anew over the direct edges of all
- an id that redirects in one and is alive in another is no redirect any more

Memory: DuckDB's share, 4 bytes an entity (mapped from disk), and 16 bytes a joined pair.
"""

from __future__ import annotations

import re
import resource
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kbtools.artefact import Input, Manifest, Staging, begin, plan, unite
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.merging.joins import Joins, join
from kbtools.kb.merging.parts import Union
from kbtools.kb.merging.schemes import WAYS, Rule, rules
from kbtools.kb.merging.tables import write
from kbtools.kb.reader import Base, gather
from kbtools.progress import Progress

__all__ = ["merge", "summary"]

DEFAULT_MEMORY = 512 << 20  # a thread, as when a dump is ingested
_NAME = re.compile("[a-z0-9-]+")


def merge(
    kbs: Sequence[str | Path],
    out: str | Path,
    *,
    on: str,
    schemes: Sequence[str] = (),
    name: str | None = None,
    workers: int = 1,
    memory: int | None = None,
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = True,
) -> Manifest:
    """Join knowledge bases (each may be given with its overlays) by "id" or "xref"; return the manifest.

    `schemes` says which cross references speak of what, instead of the usual ones (`schemes.py`).
    """
    bases = _bases(kbs, on, schemes)
    name = name or "-".join(base.name for base in bases)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r}: use only a-z, 0-9 and hyphens")
    wanted = rules(bases, schemes) if on == "xref" else []
    settings = {"on": on, "schemes": [str(rule) for rule in wanted]}
    inputs = [
        Input(path=str(part.path), kind="kb", content=part.manifest.content)
        for base in bases
        for part in base.parts
    ]
    told = {**settings, "names": [base.name for base in bases]}
    ours = plan("merge", told, [one.content for one in inputs])
    with Staging(Path(out), ours, overwrite=overwrite, restart=restart) as staging:
        if staging.whole is not None:
            return staging.whole
        for folder in (staging.new, staging.work):  # nothing is taken over from a build that broke off
            shutil.rmtree(folder)
            folder.mkdir()
        begun = time.perf_counter()
        with Progress("merge", quiet=quiet, unit="tables") as progress:
            union = Union(staging.folder, bases, memory=memory or DEFAULT_MEMORY * workers, threads=workers)
            made = _build(union, on, wanted, lambda: progress.advance(1))
        resources = {
            "stages": {"merge": round(time.perf_counter() - begun, 3)},
            "peak worker MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        }
        return staging.commit(
            msgspec.structs.replace(made, name=name, settings=settings, inputs=inputs, resources=resources)
        )


def _bases(kbs: Sequence[str | Path], on: str, schemes: Sequence[str]) -> list[Base]:
    """Open what is to be merged; refuse what makes no sense before anything is written."""
    if on not in WAYS:
        raise ConfigError(f"--on {on!r}: it is {' or '.join(WAYS)}")
    if schemes and on != "xref":
        raise ConfigError("--scheme is about cross references; it goes with --on xref")
    bases = gather(kbs)
    if len(bases) < 2:
        raise ConfigError("to merge takes two knowledge bases or more (an overlay belongs to its base)")
    for base in bases:
        if "entities" not in base.kb.tables:
            raise ArtefactError(f"{base.kb.path}: has no entities to merge")
    return bases


def _build(union: Union, on: str, wanted: Sequence[Rule], advance: Callable[[], None]) -> Manifest:
    joins = join(union, on, wanted)
    tables, facts = write(union, joins, advance)
    return begin(
        "kb",
        id_space=[facts.pop("id space")],
        tables=tables,
        counts={**_counts(union, joins), **facts},
        licences=unite(one for part in union.parts for one in part.kb.manifest.licences),
        incomplete=any(part.kb.manifest.incomplete for part in union.parts),
    )


def _counts(union: Union, joins: Joins) -> dict[str, Any]:
    return {
        "read": union.entities,
        "joined": len(joins.absorbed),
        "groups": joins.groups,
        "ambiguous": len(joins.ambiguous),
        "renamed": len(joins.renamed),
        "rejected": len(joins.ambiguous),
    }


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was joined."""
    counts = made.counts
    rows = {name: table.rows for name, table in made.tables.items() if table.rows}
    lines = [
        f"{out}: " + ", ".join(f"{number:,} {name}" for name, number in rows.items()),
        f"  {counts['read']:,} entities read, {counts['joined']:,} of them joined to an earlier one",
    ]
    if counts["ambiguous"]:
        lines.append(
            f"  {counts['ambiguous']:,} groups would join entities of one knowledge base; they were left "
            f'apart: kbtools sql {out} "SELECT * FROM rejects"'
        )
    if counts["renamed"]:
        lines.append(f"  {counts['renamed']:,} ids mean another entity elsewhere; they are called name:id")
    if counts.get("redirects dropped"):
        lines.append(
            f"  {counts['redirects dropped']:,} redirects dropped: their ids are alive, or lead elsewhere too"
        )
    lines.append(f"  {made.resources['stages']['merge']:.1f} s; content {made.content}")
    return "\n".join(lines)

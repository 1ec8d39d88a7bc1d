"""`kbtools embed`: vectors of whatever kind, by the name of what makes them.

transe, rotate, ...     a recipe of `kge/presets`, or a .toml file: learned from triples
description, sgns       a module of `embedding/`: made of texts
kepler:RUN              one of them that is told of which run
openke:PATH, ...        a format of `kbtools/vectors/formats`: brought from elsewhere
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from kbtools import plugins, vectors
from kbtools.artefact import Manifest
from kbtools.errors import ConfigError
from kbtools.models.kge import recipes, stage

TEXTS, FORMATS = "kbtools.models.embedding", "kbtools.vectors.formats"
ODD = ("epochs", "steps", "entities", "words")  # told by themselves
MOST = 8  # odd things that are told


def embed(
    sources: Sequence[str | Path] | str | Path,
    out: str | Path | None,
    *,
    model: str | None,
    kbs: Sequence[str | Path] = (),
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    restart: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Manifest:
    """Make vectors of a knowledge base, with its overlays, or of a corpus; return the manifest.

    `options` are of some models alone: memory, seed, workers, encoder, corpus_settings. Interrupted, it goes
    on where it stopped when called again with the same arguments.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    for value, name, cure in (
        (out, "--out", "the folder to write"),
        (model, "--model", f"what makes the vectors: {', '.join(names())}, or FORMAT:PATH"),
    ):
        if not value:
            raise ConfigError(f"{name} is missing: {cure}")
    how: dict[str, Any] = {"overwrite": overwrite, "quiet": quiet, "overrides": list(overrides)}
    name, colon, path = str(model).partition(":")
    if colon and name in plugins.names(FORMATS):
        _taken(name, options, frozenset())
        return vectors.bring(path, str(out), format=name, kb=[*given, *kbs], **how)
    how["restart"] = restart
    if name in plugins.names(TEXTS):
        made = plugins.load(TEXTS, name)
        if len(given) != 1:
            raise ConfigError(f"--model {name} is of one thing, not of {len(given)}; overlays go with --kb")
        how |= _of(name, getattr(made, "OF", ""), path)
        how |= _taken(name, options, made.TAKES)
        return made.embed(given[0], str(out), kbs=kbs, **how)  # type: ignore[no-any-return]
    how |= _taken(name, options, stage.TAKES)
    return stage.embed([*given, *kbs], str(out), model=str(model), **how)


def _of(name: str, what: str, path: str) -> dict[str, str]:
    """Return what stands behind the colon, of models that take it; refuse what others have no use for."""
    if bool(what) != bool(path):
        cure = f"--model {name}:{what}" if what else f"--model {name} alone"
        raise ConfigError(
            f"--model {name}: {'it is told of which' if what else 'it takes no path'}; say {cure}"
        )
    return {"of": path} if path else {}


def _taken(name: str, options: Mapping[str, Any], takes: Collection[str]) -> dict[str, Any]:
    """Return the options that were given; refuse one that would do nothing."""
    told = {option: value for option, value in options.items() if value is not None and value != ()}
    for option in told.keys() - takes:
        raise ConfigError(f"--{option.replace('_', '-')} does nothing for {name}; leave it out")
    return told


def names() -> list[str]:
    """List what can be asked for, beside files."""
    return [*recipes.PRESETS.names(), *plugins.names(TEXTS)]


def summary(made: Manifest, out: str | Path) -> str:
    """Tell in a few lines what was made."""
    settings, counts = made.settings, made.counts
    size = sum(file.bytes for table in made.tables.values() for file in table.files) / 1e6
    width = settings.get("width", settings.get("dim", 0))
    of = [f"{counts[name]:,} {name}" for name in ("entities", "words") if counts.get(name)]
    told = [f"{out}: {' and '.join(of) or 'no'} vectors of {width:,} numbers; {size:,.1f} MB"]
    looks = made.notes.get("looks") or []
    if looks:
        last, best = looks[-1], looks[made.notes.get("best") or 0]
        told.append(
            f"  {last['split']}: MRR {best['mrr']:.4f}, hits@1 {best['hits@1']:.3f}, "
            f"hits@10 {best['hits@10']:.3f} of {best['triples']:,} triples, "
            f"behind epoch {best['epoch']:,} of {counts['epochs']:,}"
        )
    if seconds := made.resources.get("seconds"):
        told.append(f"  {seconds:.1f} s; content {made.content}")
    odd = [f"{count:,} {name}" for name, count in counts.items() if count and name not in ODD][:MOST]
    return "\n".join([*told, *([f"  {', '.join(odd)}"] if odd else [])])

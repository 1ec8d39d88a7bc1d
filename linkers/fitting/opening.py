"""A fitted linker's folder, and the linker in it.

linker.toml           the preset: mentions, candidates, features; rule = "fitted"
weights.safetensors   what the model learnt; its metadata say which columns that is about
calibration.json      from the model's scores to chances
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from kbtools import artefact, plugins
from kbtools.errors import ArtefactError
from kbtools.io import tensors
from kbtools.linkers import calibration
from kbtools.linkers.base import Floats, Mentions, Rank, Ranked
from kbtools.linkers.calibration import Calibration
from kbtools.linkers.fitting.evidence import Names, columns_of, evidence
from kbtools.linkers.index.profile import Profile
from kbtools.linkers.knowledge import Knowledge
from kbtools.linkers.linking import Linker
from kbtools.linkers.preset import Preset
from kbtools.linkers.ranking.softmax import softmax

PRESET, WEIGHTS, CALIBRATION = "linker.toml", "weights.safetensors", "calibration.json"
MODELS = "kbtools.linkers.fitting.models"
AGAIN = "fit it again with `kbtools fit`"


class Fitted(NamedTuple):
    """What was learnt."""

    model: str
    names: Names
    arrays: Mapping[str, NDArray[Any]]
    calibration: Calibration | None  # None: not yet, or not wanted


def open_linker(path: Path, preset: Preset, knowledge: Knowledge) -> Linker:
    """Put a linker together that ranks by what was learnt; `preset` is that of the folder, or near it."""
    fitted = load(path)
    here = columns_of(preset.features, knowledge.profile)
    if here != fitted.names:
        raise ArtefactError(f"{path}: {_differ(fitted.names, here)}")
    if not preset.ranking.get("calibrated", True):
        fitted = fitted._replace(calibration=None)
    return Linker(preset, knowledge, rank=rank_of(fitted, knowledge.profile))


def rank_of(fitted: Fitted, profile: Profile | None) -> Rank:
    """Return the rule."""
    model = plugins.load(MODELS, fitted.model)

    def rank(mentions: Mentions, features: Mapping[str, Floats]) -> Ranked:
        told = evidence(mentions, features, profile)[1]
        ranked = softmax(mentions, *model.scores(fitted.arrays, told, mentions.owner))
        if fitted.calibration is None:
            return ranked
        return calibration.calibrated(mentions, ranked, fitted.calibration)

    return rank


def files(preset: str, fitted: Fitted) -> dict[str, bytes]:
    """Return the files of the folder."""
    if fitted.calibration is None:
        raise ValueError("a linker is written with its calibration")
    told = {
        "model": fitted.model,
        **{side: json.dumps(names) for side, names in fitted.names._asdict().items()},
    }
    return {
        PRESET: preset.encode(),
        WEIGHTS: tensors.encode(fitted.arrays, told),
        CALIBRATION: calibration.to_json(fitted.calibration).encode(),
    }


def load(path: Path) -> Fitted:
    """Read what was learnt; nothing in it is believed unseen."""
    artefact.read(path, "linker")
    arrays, told = tensors.load(path / WEIGHTS)
    model = told.get("model", "")
    try:
        names = Names(*(tuple(map(str, json.loads(told[side]))) for side in Names._fields))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise _damaged(path / WEIGHTS, "it does not say what its weights are for") from error
    if model not in plugins.names(MODELS):
        raise _damaged(
            path / WEIGHTS, f"no model {model[:40]!r}; there are {', '.join(plugins.names(MODELS))}"
        )
    if wrong := plugins.load(MODELS, model).check(arrays, names):
        raise _damaged(path / WEIGHTS, wrong)
    return Fitted(
        model, names, arrays, calibration.from_json(_text(path / CALIBRATION), str(path / CALIBRATION))
    )


def weights(path: Path) -> dict[str, float]:
    """Return how much each column counts."""
    fitted = load(path)
    found: dict[str, float] = plugins.load(MODELS, fitted.model).weights(fitted.arrays, fitted.names)
    return found


def _differ(fitted: Names, here: Names) -> str:
    """Say what a fitted linker misses, or does not know."""
    missing = [name for name in (*fitted.candidate, *fitted.nil) if name not in {*here.candidate, *here.nil}]
    if missing and missing[0] in {"neighbours", "words"}:
        return "fitted with an index of kind profile: add --index PROFILE"
    if missing:
        return f"fitted with {missing[0]!r}, which is not here: give it the same features, or {AGAIN}"
    new = [name for name in (*here.candidate, *here.nil) if name not in {*fitted.candidate, *fitted.nil}]
    return f"fitted without {(new or ['this order'])[0]!r}, which is here: leave it out, or {AGAIN}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtefactError(f"{path}: cannot be read; {AGAIN}") from error


def _damaged(path: Path, what: str) -> ArtefactError:
    return ArtefactError(f"{path}: damaged: {what}; {AGAIN}")

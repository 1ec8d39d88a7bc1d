"""Shards in, weights out. From this import on transformers knows our models: `AutoModel` loads them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kbtools.models import base as base

if TYPE_CHECKING:
    from kbtools.models.embeddings import embed
    from kbtools.models.embeddings import summary as vectors_summary
    from kbtools.models.features.stage import encode
    from kbtools.models.features.telling import summary as features_summary
    from kbtools.models.tasks.shards.evaluating import evaluate
    from kbtools.models.training.stage import plan_run, train
    from kbtools.models.training.summary import tell as tell_plan
    from kbtools.models.training.telling import is_main
    from kbtools.models.training.telling import summary as run_summary
    from kbtools.models.training.world import ElsewhereError

__all__ = [
    "ElsewhereError",
    "embed",
    "encode",
    "evaluate",
    "features_summary",
    "is_main",
    "plan_run",
    "run_summary",
    "tell_plan",
    "train",
    "vectors_summary",
]

# what lives where its work is done, imported when it is first asked for
_ELSEWHERE = {
    "embed": "kbtools.models.embeddings:embed",
    "encode": "kbtools.models.features.stage:encode",
    "evaluate": "kbtools.models.tasks.shards.evaluating:evaluate",
    "features_summary": "kbtools.models.features.telling:summary",
    "ElsewhereError": "kbtools.models.training.world:ElsewhereError",
    "is_main": "kbtools.models.training.telling:is_main",
    "plan_run": "kbtools.models.training.stage:plan_run",
    "run_summary": "kbtools.models.training.telling:summary",
    "tell_plan": "kbtools.models.training.summary:tell",
    "train": "kbtools.models.training.stage:train",
    "vectors_summary": "kbtools.models.embeddings:summary",
}


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"kbtools.models has no {name!r}")
    module, _, function = _ELSEWHERE[name].partition(":")
    return getattr(importlib.import_module(module), function)

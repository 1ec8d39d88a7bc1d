"""Which entities are instances of some classes, by a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kbtools.errors import ConfigError
from kbtools.kb.resolving import resolve
from kbtools.linkers.base import Marks
from kbtools.linkers.knowledge import Knowledge


def there(knowledge: Knowledge, classes: Sequence[str]) -> bool:
    """Tell whether any knowledge base has one of the classes."""
    return bool((resolve(knowledge.bases, list(classes)).eid >= 0).any())


def instances(
    knowledge: Knowledge, classes: Sequence[str], step: str
) -> Callable[[NDArray[np.uint8], NDArray[np.uint32]], Marks]:
    """Return what marks the instances of classes, named by their ids, and of those below them."""
    profile = knowledge.need_profile(step)
    found = resolve(knowledge.bases, list(classes))
    known = found.eid >= 0
    if not known.any():
        raise ConfigError(
            f"{step}: no class {', '.join(classes)} here; name those that they are instances of: "
            "classes=ID,ID"
        )
    wanted = profile.rows(found.kb[known], found.eid[known])

    def marked(kb: NDArray[np.uint8], eid: NDArray[np.uint32]) -> Marks:
        lengths, at = profile.classes.take(profile.rows(kb, eid))
        among = np.isin(profile.classes.values[at], wanted[wanted >= 0])
        owner = np.repeat(np.arange(len(eid)), lengths)
        return np.bincount(owner[among], minlength=len(eid)) > 0

    return marked

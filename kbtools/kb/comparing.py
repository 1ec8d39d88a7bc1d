"""What comparisons of two artefacts share: whose numbers mean the same, what was set otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kbtools.artefact import KbRef, Manifest
from kbtools.errors import ArtefactError
from kbtools.kb.reader import shares_ids


def one_space(old: KbRef, new: KbRef) -> bool:
    """Tell whether numbers mean the same in two releases of a knowledge base."""
    same = old.content == new.content
    return same or shares_ids(old.id_space, new.id_space) or shares_ids(new.id_space, old.id_space)


def settings_changed(old: Manifest, new: Manifest) -> dict[str, tuple[object, object]]:
    """Return the settings that differ, with dotted names."""
    before, after = _flat(old.settings), _flat(new.settings)
    return {
        name: (before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    }


def belonging(
    kbs: Sequence[Path | str], opens: Mapping[str, Callable[[Path | str], object]]
) -> dict[str, list[Path | str]]:
    """Tell which knowledge bases belong to which side, that opens them; one that fits none is refused."""
    mine: dict[str, list[Path | str]] = {side: [] for side in opens}
    for kb in kbs:
        faults = []
        for side, open_ in opens.items():
            try:
                open_(kb)
                mine[side].append(kb)
            except ArtefactError as fault:
                faults.append(fault)
        if len(faults) == len(opens):
            raise faults[-1]
    return mine


def _flat(settings: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found

"""An artefact that several processes make: one of them holds its folder, and all know what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import msgspec

from kbtools.artefact import Manifest, Staging
from kbtools.errors import KbError
from kbtools.models.training.world import World

T = TypeVar("T")


def build(
    world: World,
    staging: Staging,
    make: Callable[[], T],
    finish: Callable[[T], Manifest],
    *,
    begun: Callable[[], bool],
) -> Manifest:
    """Have all processes `make` something, and the main one `finish` it; return the manifest in all of them.

    After an error the folder is kept only if there is something to go on with: if it has `begun`.
    """
    with ExitStack() as stack:
        with world.together():
            if world.main:
                stack.enter_context(staging)
        whole = world.told(msgspec.json.encode(staging.whole) if staging.whole else None)
        if whole:
            return msgspec.json.decode(whole, type=Manifest)
        try:
            found = make()
        except KbError:
            if world.main and not begun():
                staging.forget()
            raise
        made: list[Manifest] = []
        with world.together():
            if world.main:
                made.append(finish(found))
        told: bytes = world.told(msgspec.json.encode(made[0]) if made else b"")
        return msgspec.json.decode(told, type=Manifest)

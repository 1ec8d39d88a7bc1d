"""Settings of a body that weights were trained with: they come with a checkpoint, unless one says otherwise.

A body of the zoo names them in `OF_WEIGHTS`; a checkpoint of ours has them in its configuration, those of
others have them in the key map that reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kbtools import plugins
from kbtools.errors import ConfigError
from kbtools.models import zoo


def settled(body: str, given: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a body: those given, and of those that weights have what belongs to them."""
    return {name: theirs[name] for name in _of_weights(body) if name in theirs} | dict(given)


def refuse_others(where: str, theirs: str, settings: Mapping[str, Any], body: str) -> None:
    """Refuse weights of one body for another that cannot do what they were trained with."""
    lacking = [name for name in _of_weights(theirs) if name not in _of_weights(body)]
    usual = plugins.load(zoo.__name__, theirs).Settings() if lacking else None
    for name in lacking:
        if (value := settings.get(name, getattr(usual, name))) != getattr(usual, name):
            raise ConfigError(
                f"{where}: trained with {name} = {value!r}, which the body {body} does not have; "
                f"begin with it as {theirs}"
            )


def _of_weights(body: str) -> tuple[str, ...]:
    return tuple(getattr(plugins.load(zoo.__name__, body), "OF_WEIGHTS", ()))

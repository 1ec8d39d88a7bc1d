"""Names of weights in other people's checkpoints, and ours: data files, read in both directions.

    "bert.encoder.layer.3.output.dense.weight"  ──▶  "body.text.model.encoder.layer.3.output.dense.weight"

A file of `keys/` lists pairs of names, theirs and ours. In a name `{layer}` stands for a number, `{part}` for
a word without points, `{rest}` for all that follows. Of several pairs the first that fits holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from kbtools import config
from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.presets import Presets

PRESETS = Presets(Path(__file__).with_suffix(""), "keys", "key map")
PLACES = {"layer": r"\d+", "part": r"[^.]+", "rest": r".+"}
WRAPPED = "module."  # what torch's DataParallel puts before all names

State = Mapping[str, Tensor]
Pairs = list[tuple[re.Pattern[str], str]]
Named = tuple[dict[str, Tensor], list[str]]  # what has a new name, and the names that nothing is known of

_PLACE = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, kw_only=True)
class KeyMap:
    """Their names and ours, and what tells a checkpoint of this kind."""

    about: str = setting("What it is, in a line.", "")
    signs: tuple[str, ...] = setting(
        "Names that checkpoints of this kind have, all of them, and no others do.", ()
    )
    names: dict[str, str] = setting("Their name = ours.", {})
    ignore: tuple[str, ...] = setting("Theirs that say nothing: tied to others, or counted out anew.", ())
    endings: dict[str, str] = setting("Last words of old names = those of today.", {})
    rows: dict[str, int] = setting("Their name = how many first rows we do not have.", {})
    settings: dict[str, str] = setting(
        "Settings of bodies that belong to such weights, where they have them.", {}
    )
    rows_with: str = setting("The one of these settings with which we have `rows`, too.", "")

    def __post_init__(self) -> None:
        if not self.signs or not self.names:
            raise ValueError("a key map has `signs` and `names`")
        for theirs, ours in self.names.items():
            if _places(theirs) != _places(ours):
                raise ValueError(f"names: {theirs!r} and {ours!r} do not hold the same of {_listed()}")
        for template in (*self.ignore, *self.rows):
            _places(template)
        if self.rows_with and self.rows_with not in self.settings:
            raise ValueError(f"rows_with: {self.rows_with!r} is none of `settings`")

    def fits(self, names: Iterable[str]) -> bool:
        """Tell whether a checkpoint with these names is of this kind."""
        return {*self.signs} <= {self._plain(name) for name in names}

    def ours(self, name: str) -> str | None:
        """Return our name of theirs; none if nothing is known of it, or it says nothing."""
        return None if self.says_nothing(name) else _named(self._plain(name), self._there)

    def theirs(self, name: str) -> str | None:
        """Return their name of ours."""
        return _named(name, self._back)

    def says_nothing(self, name: str) -> bool:
        """Tell whether a weight of theirs may be left out."""
        plain = self._plain(name)
        return any(pattern.fullmatch(plain) for pattern in self._ignored)

    def whole(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether a body with these settings has all rows."""
        return bool(self.rows_with) and settings.get(self.rows_with) == self.settings[self.rows_with]

    def rename(self, state: State, *, whole: bool = False) -> Named:
        """Give a checkpoint our names, `whole` or without `rows`; also list what nothing is known of."""
        found, left, came = dict[str, Tensor](), list[str](), dict[str, str]()
        for name, value in state.items():
            ours = self.ours(name)
            if ours is None:
                left += [] if self.says_nothing(name) else [name]
                continue
            if ours in found:
                raise ConfigError(f"a checkpoint has both {came[ours]} and {name}, which are the same")
            many = 0 if whole else self._rows(name)
            found[ours], came[ours] = value[many:] if many else value, name
        return found, left

    def back(self, state: State) -> Named:
        """Give weights of ours their names; also list those for which they have none."""
        if self.rows:
            raise ConfigError(f"cannot be written back: {next(iter(self.rows))} has rows that we do not")
        named = {name: self.theirs(name) for name in state}
        found = {theirs: state[name] for name, theirs in named.items() if theirs is not None}
        return found, [name for name, theirs in named.items() if theirs is None]

    def _plain(self, name: str) -> str:
        """Return a name as it is written today."""
        before, point, last = name.removeprefix(WRAPPED).rpartition(".")
        return before + point + self.endings.get(last, last)

    def _rows(self, name: str) -> int:
        plain = self._plain(name)
        return next((many for template, many in self.rows.items() if _pattern(template).fullmatch(plain)), 0)

    @cached_property
    def _there(self) -> Pairs:
        return [(_pattern(theirs), ours) for theirs, ours in self.names.items()]

    @cached_property
    def _back(self) -> Pairs:
        return [(_pattern(ours), theirs) for theirs, ours in self.names.items()]

    @cached_property
    def _ignored(self) -> list[re.Pattern[str]]:
        return [_pattern(template) for template in self.ignore]


def read(path: Path) -> KeyMap:
    """Read a key map."""
    return config.load(path, KeyMap)


@cache
def load(name: str) -> KeyMap:
    """Read a key map by its name in `keys/`; a file of one's own ends in .toml."""
    return read(PRESETS.path(name))


def find(names: Iterable[str]) -> KeyMap | None:
    """Recognise a checkpoint by the names in it; none if it is of no kind that is known.

    Where one kind is another and more, such as BERT with an entity side, the one with more signs holds.
    """
    there = [*names]
    fitting = [known for known in map(load, PRESETS.names()) if known.fits(there)]
    return max(fitting, key=lambda known: len(known.signs), default=None)


def _named(name: str, pairs: Pairs) -> str | None:
    """Name a weight by the first pair that fits."""
    for pattern, template in pairs:
        if found := pattern.fullmatch(name):
            return template.format(**found.groupdict())
    return None


def _places(template: str) -> list[str]:
    """List what stands in braces."""
    found: list[Any] = _PLACE.findall(template)
    rest = _PLACE.sub("", template)
    if not {*found} <= PLACES.keys() or len({*found}) < len(found) or "{" in rest or "}" in rest:
        raise ValueError(f"{template!r}: in braces stands one of {_listed()}, each once at most")
    return sorted(found)


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)  # text, word in braces, text, ...
    return re.compile(
        "".join(f"(?P<{part}>{PLACES[part]})" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    )


def _listed() -> str:
    return ", ".join(f"{{{place}}}" for place in PLACES)

"""Settings: TOML and `name=value` overrides in, a frozen dataclass out. Dicts do not travel further.

A settings class is a frozen dataclass of plain types: bool, int, float, str, Path, Literal, tuples, dicts,
`X | None` and other settings. `field(metadata={"help": ...})` says what a setting does; `describe` hands that
to the command line.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from kbtools.errors import ConfigError

T = TypeVar("T")
REQUIRED: Any = dataclasses.MISSING  # the default of a setting that must be given

_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE)
_POINT = re.compile(r"[+-]?\.\d")
_AT = re.compile(r" - at `\$\.?(?P<key>.*)`$")
_LIMITS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")  # of msgspec.Meta
_ABSENT = re.compile(r"Object missing required field `(?P<key>.+)`")


class Setting(NamedTuple):
    """One field of a settings class; a nested one is named by its dotted path."""

    name: str
    type: Any
    default: Any
    help: str

    @property
    def type_name(self) -> str:
        """The type as a reader knows it: `int`, `tuple[str, ...]`, `a | b`."""
        return _type_name(self.type)

    @property
    def shown(self) -> str:
        """The default as one would type it in an override; empty if the setting must be given."""
        return "" if self.default is REQUIRED else _typed(self.default)


def setting(text: str, default: Any) -> Any:
    """Write a field of a settings class: what it does, and its default."""
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata={"help": text})
    return dataclasses.field(default=default, metadata={"help": text})


def load(path: Path, settings: type[T], overrides: Iterable[str] = ()) -> T:
    """Read the TOML file at `path`, apply overrides, and check every name and type."""
    return build(settings, load_table(path), where=str(path), overrides=overrides)


def load_table(path: Path) -> dict[str, Any]:
    """Read the TOML file at `path` as it is, for one that has shorthands to be written out first."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def build(
    settings: type[T], table: Mapping[str, Any] | None = None, *, where: str, overrides: Iterable[str] = ()
) -> T:
    """Turn a table and `a.b=value` overrides into `settings`; `where` opens the message if they do not fit.

    An override's value is TOML. Where that is not what the setting takes, it is read as people type it:
    bare words are strings, `en,zh` is a tuple, `none` empties a setting that may be None.
    """
    plain_table = dict(table or {})
    for item in overrides:
        plain_table = _override(settings, plain_table, item, where)
    _refuse_unknown(settings, plain_table, where)
    try:
        return msgspec.convert(plain_table, type=settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_cure(settings, plain_table, str(error))}") from error


def plain(settings: Any) -> dict[str, Any]:
    """Turn settings into plain types again, as a manifest or a digest wants them: defaults too."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {
        name: plain(value) if dataclasses.is_dataclass(value) else msgspec.to_builtins(value, enc_hook=str)
        for name, value in values.items()
    }


def describe(settings: type) -> list[Setting]:
    """List what a settings class takes, in order of definition; nested settings are listed one by one."""
    found = []
    for name, (kind, field) in _fields(settings).items():
        inner = _settings_in(kind)
        if inner is not None:
            found += [setting._replace(name=f"{name}.{setting.name}") for setting in describe(inner)]
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found.append(Setting(name, kind, default, field.metadata.get("help", "")))
    return found


def parse_size(text: str) -> int:
    """Read a number of bytes: `4GB` is 4·10⁹, `4GiB` is 4·2³⁰, `4G` is taken for 4GB.

    >>> parse_size("1.5 kB"), parse_size("1KiB"), parse_size("640")
    (1500, 1024, 640)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"{text!r} is not a size; write it like 4GB, 512MiB or 100000")
    number, prefix, binary = match.groups()
    power = " kmgt".index((prefix or " ").lower())
    unit: int = (1024 if binary else 1000) ** power
    return round(float(number) * unit)


@cache  # to read what annotations mean takes long
def _fields(settings: type) -> dict[str, tuple[Any, dataclasses.Field[Any]]]:
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: (hints[field.name], field) for field in dataclasses.fields(settings) if field.init}


def _arms(kind: Any) -> tuple[Any, ...]:
    """Take a type apart: the members of a union, without their annotations."""
    if get_origin(kind) is Annotated:
        return _arms(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        return tuple(arm for member in get_args(kind) for arm in _arms(member))
    return (kind,)


def _settings_in(kind: Any) -> type | None:
    return next((arm for arm in _arms(kind) if dataclasses.is_dataclass(arm) and isinstance(arm, type)), None)


def _choices(kind: Any) -> list[Any]:
    return [choice for arm in _arms(kind) if get_origin(arm) is Literal for choice in get_args(arm)]


def _inside(kind: Any, step: str) -> Any:
    """Look up the type of a setting, key or place inside a type; Any if the type does not say."""
    inner = _settings_in(kind)
    if inner is not None:
        return _fields(inner).get(step, (Any, None))[0]
    for arm in _arms(kind):
        origin, args = get_origin(arm), get_args(arm)
        if origin is dict:
            return args[1]
        if origin in {tuple, list} and step.isdecimal():
            return args[0] if origin is list or ... in args else dict(enumerate(args)).get(int(step), Any)
    return Any


def _refuse_unknown(kind: Any, value: Any, where: str, key: str = "") -> None:
    inner = _settings_in(kind)
    if inner is not None and isinstance(value, dict):
        known = [*_fields(inner)]
        for name in (name for name in value if name not in known):
            near = get_close_matches(str(name), known, n=1)
            others = f"there are {', '.join(known)}" if known else "it takes none"
            hint = f"did you mean {near[0]!r}?" if near else others
            raise ConfigError(f"{where}: no setting {_join(key, str(name))!r}; {hint}")
    entries = value.items() if isinstance(value, dict) else ()
    places = enumerate(value) if isinstance(value, list | tuple) else ()
    for step, entry in (*entries, *places):
        _refuse_unknown(_inside(kind, str(step)), entry, where, _join(key, str(step)))


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _override(settings: type, table: dict[str, Any], item: str, where: str) -> dict[str, Any]:
    """Return a copy of `table` with the override in it; the caller's own tables are not changed."""
    dotted, equals, text = item.partition("=")
    steps = [step.strip() for step in dotted.split(".")]
    if not equals or not all(steps):
        raise ConfigError(f"{where}: override {item!r} is not of the form name=value or table.name=value")
    top = here = dict(table)
    kind: Any = settings
    for step in steps[:-1]:
        kind = _inside(kind, step)
        below = here.get(step)
        if below is not None and not isinstance(below, dict):
            raise ConfigError(f"{where}: override {item!r}: {step!r} is a value, not a table")
        here[step] = dict(below or {})
        here = here[step]
    here[steps[-1]] = _read(_inside(kind, steps[-1]), text.strip())
    return top


def _read(kind: Any, text: str) -> Any:
    """Read the value of an override the way the setting's type wants it."""
    arms = _arms(kind)
    if type(None) in arms and text.lower() == "none":
        return None
    if float in arms and _POINT.match(text):
        text = text.replace(".", "0.", 1)  # TOML wants .1 as 0.1; nobody else does
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        table = {}
    value = table["value"] if len(table) == 1 else text  # text with line ends could smuggle in a second key
    many = next((arm for arm in arms if get_origin(arm) in {tuple, list}), None)
    if many is not None and not isinstance(value, list):
        parts = value if isinstance(value, str) else text
        member = (get_args(many) or (Any,))[0]
        return [_read(member, part.strip()) for part in parts.split(",") if part.strip()]
    words = {str, Path} & {*arms, *map(type, _choices(kind))}
    numbers = {bool, int, float} & {*arms, *map(type, _choices(kind))}
    return text if words and not numbers and not isinstance(value, str) else value


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        if isinstance(value, str | Path):
            return Path(value)
        raise ValueError(f"Expected `path`, got `{type(value).__name__}`")
    raise NotImplementedError(f"settings cannot hold {kind}")


def _cure(settings: type, table: dict[str, Any], message: str) -> str:
    """Say which setting a complaint of msgspec is about, what it was and what it takes."""
    at = _AT.search(message)
    what, key = (message[: at.start()], at["key"]) if at else (message, "")
    if absent := _ABSENT.fullmatch(what):
        name = absent["key"]
        kind = _at(settings, table, _join(key, name))[0]
        return f"setting {_join(key, name)!r} is missing: it takes {_type_name(kind)}"
    if not key:
        return what  # the settings class itself refused, in its own words
    key = key.removesuffix("[...]")  # how msgspec names some value of a dict
    kind, value = _at(settings, table, key)
    choices = _choices(kind)
    near = get_close_matches(str(value), map(str, choices), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    reason = "" if choices else f" ({what[:1].lower()}{what[1:]})"
    return f"{key} = {_typed(value)} does not fit{reason}: it takes {_type_name(kind)}{hint}"


def _at(kind: Any, value: Any, key: str) -> tuple[Any, Any]:
    """Follow a path such as `run.steps` or `stages[2].name` to a setting's type and value."""
    for step in re.findall(r"[^.\[\]]+", key):
        kind = _inside(kind, step)
        if isinstance(value, list | tuple):
            value = value[int(step)]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return kind, value


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " | ".join(_typed(choice) for choice in get_args(kind))
    if get_origin(kind) is Annotated:
        inner, *metas = get_args(kind)
        limits = [
            f"{name} {limit}"
            for name in _LIMITS
            for m in metas
            if (limit := getattr(m, name, None)) is not None
        ]
        return ", ".join([_type_name(inner), *limits])
    arms = _arms(kind)
    if len(arms) > 1:
        return " | ".join(_type_name(arm) for arm in arms)
    if kind in {type(None), Any, Path}:
        return {type(None): "none", Any: "any value", Path: "path"}[kind]
    inside = ["..." if arg is ... else _type_name(arg) for arg in get_args(kind)]
    name = getattr(get_origin(kind) or kind, "__name__", str(kind))
    return f"{name}[{', '.join(inside)}]" if inside else name


def _typed(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(_typed, value))
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_typed(entry)}' for key, entry in value.items())}}}"
    return str(value)

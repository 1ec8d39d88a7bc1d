"""A `Settings` class as flags: what a source or model can be told, the command line can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click

from kbtools import config, plugins

Command = TypeVar("Command", bound=Callable[..., Any])


def flags(*settings: type) -> Callable[[Command], Command]:
    """Add an option for each setting, and -o for those who prefer name=value.

    Of several classes, the first that has a setting of some name describes it.
    A yes-or-no setting becomes --name/--no-name; words may be joined by commas; files are given one by one.
    """

    def decorate(command: Command) -> Command:
        command = click.option(
            "-o", "overrides", multiple=True, metavar="NAME=VALUE", help="Any setting, as in a TOML file."
        )(command)
        known: dict[str, config.Setting] = {}
        for setting in (setting for one in settings for setting in config.describe(one)):
            known.setdefault(setting.name, setting)
        for setting in reversed(known.values()):
            command = _option(setting)(command)
        return command

    return decorate


def given(settings: type, options: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a command's options the settings that were not given, so that defaults hold."""
    names = {setting.name for setting in config.describe(settings)}
    return {name: value for name, value in options.items() if name not in names or value not in (None, ())}


class Listed(click.Command):
    """A command whose help ends with its settings, reached by -o."""

    def __init__(self, *args: Any, settings: type, **options: Any) -> None:
        super().__init__(*args, **options)
        self.settings = settings

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        rows = [(one.name, described(one)) for one in config.describe(self.settings)]
        with formatter.section("Settings (-o NAME=VALUE)"):
            formatter.write_dl(rows)


def described(one: config.Setting) -> str:
    """Say what a setting does, what it may be, and what it is if nobody says."""
    words = "|".join(map(str, get_args(one.type))) if get_origin(one.type) is Literal else ""
    default = f"default: {one.shown}" if one.shown else ""
    about = "; ".join(part for part in (words, default) if part)
    return f"{one.help}  [{about}]" if about else one.help


class Choices(click.Group):
    """A sub-command for each choice in a registry, or several, with the flags of its own settings."""

    def __init__(
        self,
        *args: Any,
        package: str | Sequence[str],
        build: Callable[[str], click.Command],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.packages = (package,) if isinstance(package, str) else tuple(package)
        self.build = build

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return sorted(name for package in self.packages for name in plugins.names(package))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: D102
        return self.build(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the choices by what their files say: none is loaded, some take seconds."""
        told = [
            (name, plugins.summary(holding(self.packages, name), name)) for name in self.list_commands(ctx)
        ]
        if told:
            with formatter.section("Commands"):
                formatter.write_dl(told)


def holding(packages: Sequence[str], name: str) -> str:
    """Return the registry that has a choice; of one that none has, the first tells what there is."""
    return next((one for one in packages if name in plugins.names(one)), packages[0])


def _option(setting: config.Setting) -> Callable[[Command], Command]:
    flag = "--" + setting.name.replace("_", "-")
    kind: dict[str, Any]
    if setting.type is bool:
        names, kind = f"{flag}/--no-{flag[2:]}", {"default": None}
    elif get_args(setting.type)[:1] == (Path,) and get_origin(setting.type) is tuple:
        names, kind = flag, {"multiple": True, "metavar": "FILE"}
    elif get_args(setting.type)[-1:] == (...,):
        member = get_args(setting.type)[0]
        names, kind = flag, {"callback": partial(_words, member), "metavar": "A,B"}
    elif get_origin(setting.type) is Literal:
        names, kind = flag, {"metavar": f"[{'|'.join(map(str, get_args(setting.type)))}]"}
    elif Path in (setting.type, *get_args(setting.type)):
        names, kind = flag, {"metavar": "FILE"}
    else:
        numbers = [arm for arm in (setting.type, *get_args(setting.type)) if arm in (int, float)]
        names, kind = flag, {"type": numbers[0]} if numbers else {}
    default = f"  [default: {setting.shown}]" if setting.default not in (None, (), "") else ""
    return click.option(names, setting.name, help=setting.help + default, **kind)


def _words(
    kind: type, _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[Any, ...] | None:
    words = [word.strip() for word in (value or "").split(",")]
    try:
        found = tuple(kind(word) if kind in (int, float) else word for word in words if word)
    except ValueError:
        raise click.BadParameter(f"{value!r}; it takes numbers, parted by commas") from None
    return None if value is None else found

"""The ways of `kbtools link` to answer: a folder, a file in another format, lines."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from kbtools import linkers
from kbtools.artefact import Manifest
from kbtools.cli.options import complain
from kbtools.cli.printing import plural
from kbtools.errors import ConfigError

INTERRUPTED = 130
ASKED = ("indexes", "kbs", "linker", "overlap", "overrides", "encoder", "load_encoder")


def show(made: Manifest, out: str, *, as_json: bool) -> None:
    """Print what was linked."""
    click.echo(msgspec.json.encode(made).decode() if as_json else linkers.link_summary(made, out))


def stream(options: dict[str, Any]) -> None:
    """Answer lines of standard input, each as soon as it is read."""
    from kbtools.linkers import opening  # noqa: PLC0415 - not for --help
    from kbtools.linkers.answers import Answers  # noqa: PLC0415
    from kbtools.linkers.corpora import written  # noqa: PLC0415

    how = written(**{name: options[name] for name in ("candidates", "features", "text")})
    here = opening.opened(opening.ask(_alias(options), **{name: options[name] for name in ASKED}))
    counts: Counter[str] = Counter()
    out = sys.stdout.buffer
    try:
        for answer in Answers(here, how).stream(sys.stdin.buffer, counts):
            out.write(answer)
            out.flush()
    except KeyboardInterrupt:  # of lines that are gone nothing can go on
        click.echo("Interrupted", err=True)
        raise SystemExit(INTERRUPTED) from None
    if bad := counts["rejected"]:
        complain([f"{plural(bad, 'line')} of {bad + counts['read']:,} cannot be read"])


def export(documents: str, to: str, options: dict[str, Any]) -> None:
    """Write links in another format: of a linked folder, or of a corpus that is linked first."""
    from kbtools.linked import is_linked  # noqa: PLC0415 - not for --help
    from kbtools.linkers import exporting  # noqa: PLC0415

    out, folder = options["out"], documents.removeprefix("linked:")
    if not out:
        raise ConfigError("--format writes a file: give it a name with --out FILE")
    exporting.check(to, Path(out), overwrite=options["overwrite"])
    if not is_linked(folder):
        folder = f"{out}.linked"
        linkers.link(documents, **{**options, "alias": _alias(options), "out": folder, "overwrite": True})
    count = exporting.export(folder, out, to=to, kbs=options["kbs"], overwrite=options["overwrite"])
    if folder != documents.removeprefix("linked:"):
        shutil.rmtree(folder)
    click.echo(f"{out}: {plural(count, 'document')} as {to}")


def _alias(options: dict[str, Any]) -> str:
    if not options["alias"]:
        raise ConfigError("--alias is missing: make a table of names with `kbtools alias KB... --out ALIAS`")
    return str(options["alias"])

"""The ways of `kbtools link` to answer: a folder, a file in another format, lines."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from kbtools import api, linkers
from kbtools.artefact import Manifest
from kbtools.cli.options import GONE, complain
from kbtools.cli.printing import plural, show_json
from kbtools.errors import ConfigError
from kbtools.presets import Presets

if TYPE_CHECKING:
    from kbtools.linked import Linked

SHOWN = 3  # rejects
# not that of linkers.preset, which would be imported for --help
ABOUT = Presets(Path(linkers.__file__).parent / "presets", "--with", "linker").abouts()
PRESETS = "\b\nPresets:\n" + "\n".join(f"  {name:17} {about}" for name, about in ABOUT)
ASKED = ("indexes", "kbs", "linker", "overlap", "overrides", "encoder", "load_encoder", "load_model")


def show(made: Manifest, out: str, *, as_json: bool) -> None:
    """Print what was linked."""
    click.echo(msgspec.json.encode(made).decode() if as_json else linkers.link_summary(made, out))


def stream(to: str | None, options: dict[str, Any]) -> None:
    """Answer lines of standard input, each as soon as it is read."""
    click.get_current_context().meta[GONE] = True  # lines that were read cannot be read again
    from kbtools.linkers import opening  # noqa: PLC0415 - not for --help
    from kbtools.linkers.answers import Answers  # noqa: PLC0415
    from kbtools.linkers.corpora import written  # noqa: PLC0415

    if to not in {None, "jsonl"}:
        raise ConfigError(
            f"--format {to}: lines are answered as JSON Lines; link jsonl:- --out FILE takes all"
        )
    how = written(**{name: options[name] for name in ("candidates", "features", "text")})
    here = opening.opened(opening.ask(_alias(options), **{name: options[name] for name in ASKED}))
    counts: Counter[str] = Counter()
    out = sys.stdout.buffer
    for answer in Answers(here, how).stream(sys.stdin.buffer, counts):
        out.write(answer)
        out.flush()
    if bad := counts["rejected"]:
        complain([f"{plural(bad, 'line')} of {bad + counts['read']:,} cannot be read"])


def export(documents: str, to: str, options: dict[str, Any], *, max_rejects: str, as_json: bool) -> None:
    """Write links in another format: of a linked folder, or of a corpus that is linked first."""
    from kbtools.linked import Linked, is_linked  # noqa: PLC0415 - not for --help
    from kbtools.linkers import exporting  # noqa: PLC0415

    out, folder, complaints = options["out"], documents.removeprefix("linked:"), []
    if not out:
        raise ConfigError("--format writes a file: give it a name with --out FILE")
    exporting.check(to, Path(out), overwrite=options["overwrite"])
    own = not is_linked(folder)
    if own:
        folder = str(Path(out).with_name(f".{Path(out).name}.linked"))
        given = {**options, "alias": _alias(options), "out": folder, "overwrite": True}
        made = linkers.link(documents, **given)
        complaints = _rejected(api.judge(made, folder, max_rejects=max_rejects), Linked(folder))
    count = exporting.export(folder, out, to=to, kbs=options["kbs"], overwrite=options["overwrite"])
    if own:
        shutil.rmtree(folder)
    if as_json:
        show_json({"out": out, "format": to, "documents": count})
    else:
        click.echo(f"{out}: {plural(count, 'document')} as {to}")
    complain(complaints)


def _rejected(complaints: list[str], linked: Linked) -> list[str]:
    """Say what was rejected instead of where to look: the folder will be gone."""
    if not complaints:
        return []
    batches = linked.scan("rejects") if "rejects" in linked.tables else ()
    rows = [row for batch in islice(batches, 1) for row in batch.slice(0, SHOWN).to_pylist()]
    told = [":".join(str(row[name]) for name in ("file", "line") if row[name] is not None) for row in rows]
    return complaints[:-1] + [f"{at}: {row['reason']}" for at, row in zip(told, rows, strict=True)]


def _alias(options: dict[str, Any]) -> str:
    if not options["alias"]:
        raise ConfigError("--alias is missing: make a table of names with `kbtools alias KB... --out ALIAS`")
    return str(options["alias"])

"""What a tokenizer that was built here is, and whether it is sound."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from kbtools import artefact
from kbtools.errors import KbError
from kbtools.kb.overview import Overview, Sample
from kbtools.tokens.building import KIND
from kbtools.tokens.tokenizer import Tokenizer

__all__ = ["KIND", "describe", "problems"]

COLUMNS = ["number", "token", "what"]


def describe(general: Overview, *, top: int = 10) -> Overview:
    """Add the special tokens, and the `top` longest others."""
    tokenizer = Tokenizer.load(Path(general.path))
    special = {at: role for role, at in tokenizer.special._asdict().items() if at >= 0}
    tokens = tokenizer.strings.to_pylist()
    special |= {at: "added" for at, token in enumerate(tokens) if token in general.settings.get("added", ())}
    others = [(-len(token), at) for at, token in enumerate(tokens) if token and at not in special]
    longest = [at for _, at in sorted(others)[:top]]
    rows = [[at, tokens[at], special[at]] for at in sorted(special)]
    rows += [[at, tokens[at], "longest"] for at in longest]
    return msgspec.structs.replace(general, samples=[Sample(table=KIND, columns=COLUMNS, rows=rows)])


def problems(
    path: Path, tables: Collection[str], *, memory: int | None = None, threads: int | None = None
) -> Iterator[str]:
    """Yield what is wrong with a tokenizer whose files are whole: it must load, and have what it says."""
    if KIND not in tables:
        return
    try:
        tokenizer = Tokenizer.load(path)
    except KbError as error:
        yield f"{KIND}: {error}"
        return
    size = artefact.read(path, KIND).tables[KIND].rows
    if tokenizer.size != size:
        yield f"{KIND}: {tokenizer.size:,} tokens, where the manifest says {size:,}"
    if tokenizer.special.unk < 0:
        yield f"{KIND}: no token stands for what is unknown"

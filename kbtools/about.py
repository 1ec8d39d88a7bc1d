"""What an artefact of any kind is, whether it is sound, what changed between two: each kind tells its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kbtools import artefact
from kbtools.alias.about import diff as names_diff
from kbtools.alias.about import overview as names
from kbtools.alias.about import verify as names_verify
from kbtools.alias.about.changes import AliasDifference
from kbtools.alias.schema import KIND as ALIAS
from kbtools.errors import ConfigError
from kbtools.kb import overview as general
from kbtools.kb import verify as whole
from kbtools.kb.diff import Difference
from kbtools.kb.overview import Description
from kbtools.kb.verify import Verdict
from kbtools.linked import verify as linked
from kbtools.linked.changes import LinkedDifference
from kbtools.shards.about import overview as shards
from kbtools.shards.about import verify as shards_verify
from kbtools.tokens import about as tokens
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees.about import diff as trees_diff
from kbtools.trees.about import overview as trees
from kbtools.trees.about import verify as trees_verify
from kbtools.trees.about.diff import TreesDifference

CHECKS: dict[str, whole.Check] = {
    ALIAS: names_verify.problems,
    linked.KIND: linked.problems,
    trees.KIND: trees_verify.problems,
    shards.KIND: shards_verify.problems,
    tokens.KIND: tokens.problems,
}


def describe(
    path: Path,
    *,
    kbs: Sequence[Path | str] = (),
    rows: int = 3,
    top: int = 10,
    memory: int | None = None,
    threads: int | None = None,
) -> Description:
    """Describe any artefact: of most kinds `rows` rows, and the `top` of each list.

    Ids and labels come from the knowledge bases `kbs`, or from where they were when it was made.
    """
    kind = None if path.name.endswith(".partial") else artefact.read(path).kind
    if kind not in {trees.KIND, shards.KIND, tokens.KIND}:
        return names.describe(path, kbs=kbs, rows=rows, top=top, memory=memory, threads=threads)
    if kbs:
        more = "; `--decode N` shows examples with labels" if kind == shards.KIND else ""
        raise ConfigError(f"{path}: --kb has nothing to name here{more}")
    found = general.describe(path, rows=rows, top=top, memory=memory, threads=threads)
    if not isinstance(found, general.Overview):
        return found
    if kind == tokens.KIND:
        return tokens.describe(found, top=top)
    if kind == shards.KIND:
        return shards.describe(found)
    return trees.describe(found, rows=rows, top=top, memory=memory, threads=threads)


def _tokenizer(path: Path) -> str:
    return Tokenizer.load(path).content


def verify(
    path: Path, *, deep: bool = False, memory: int | None = None, threads: int | None = None
) -> Verdict:
    """Check an artefact of any kind; `deep` looks into its rows too."""
    contents = {"tokenizer": _tokenizer}
    return whole.verify(path, deep=deep, memory=memory, threads=threads, checks=CHECKS, contents=contents)


def diff(
    old: Path,
    new: Path,
    *,
    kbs: Sequence[Path | str] = (),
    examples: int = 5,
    top: int = 20,
    memory: int | None = None,
    threads: int | None = None,
) -> AliasDifference | LinkedDifference | TreesDifference | Difference:
    """Compare two artefacts of one kind; spills to disk what does not fit into memory."""
    kinds = {artefact.read(path).kind for path in (old, new)}
    if kinds != {trees.KIND}:
        return names_diff.diff(old, new, kbs=kbs, examples=examples, top=top, memory=memory, threads=threads)
    if kbs:
        raise ConfigError(f"{old}, {new}: --kb has nothing to name in trees")
    return trees_diff.diff(old, new, examples=examples, top=top, memory=memory, threads=threads)

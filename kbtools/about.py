"""What an artefact of any kind is, whether it is sound, what changed between two: each kind tells its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from kbtools import artefact
from kbtools.alias.about import diff as names_diff
from kbtools.alias.about import overview as names
from kbtools.alias.about import verify as names_verify
from kbtools.alias.about.changes import AliasDifference
from kbtools.errors import ConfigError
from kbtools.features import about as features
from kbtools.features import origin
from kbtools.kb import diff as kb_diff
from kbtools.kb import overview as general
from kbtools.kb import verify as whole
from kbtools.kb.diff import Difference
from kbtools.kb.overview import Description
from kbtools.kb.verify import Verdict
from kbtools.linked import diff as linked_diff
from kbtools.linked import overview as linked
from kbtools.linked import verify as linked_verify
from kbtools.linked.changes import LinkedDifference
from kbtools.runs import diff as runs_diff
from kbtools.runs import overview as runs
from kbtools.runs import verify as runs_verify
from kbtools.runs.diff import RunsDifference
from kbtools.shards.about import overview as shards
from kbtools.shards.about import verify as shards_verify
from kbtools.tokens import about as tokens
from kbtools.tokens.tokenizer import Tokenizer
from kbtools.trees.about import diff as trees_diff
from kbtools.trees.about import overview as trees
from kbtools.trees.about import verify as trees_verify
from kbtools.trees.about.diff import TreesDifference
from kbtools.vectors import about as vectors

Changed: TypeAlias = AliasDifference | LinkedDifference | TreesDifference | RunsDifference | Difference


class Kind(NamedTuple):
    """How artefacts of one kind tell of themselves."""

    describe: Callable[..., general.Overview]  # of what is said of any kind
    asks: Set[str]  # the options of `describe` that mean something here
    problems: whole.Check
    diff: Callable[..., Changed] | None = None  # None: they are not compared

    @property
    def named(self) -> bool:
        """Whether rows hold numbers of knowledge bases, which --kb names."""
        return "kbs" in self.asks


LISTED = {"rows", "top", "memory", "threads"}
KINDS = {
    names.KIND: Kind(names.describe, {"kbs", *LISTED}, names_verify.problems, names_diff.diff),
    linked.KIND: Kind(linked.describe, {"kbs", *LISTED}, linked_verify.problems, linked_diff.diff),
    trees.KIND: Kind(trees.describe, LISTED, trees_verify.problems, trees_diff.diff),
    shards.KIND: Kind(shards.describe, set(), shards_verify.problems),
    tokens.KIND: Kind(tokens.describe, {"top"}, tokens.problems),
    runs.KIND: Kind(runs.describe, set(), runs_verify.problems, runs_diff.diff),
    features.KIND: Kind(features.describe, {"rows"}, features.problems),
    vectors.KIND: Kind(vectors.describe, {"rows"}, vectors.problems),
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
    found = general.describe(path, rows=rows, top=top, memory=memory, threads=threads)
    _refuse(kbs, str(path), {getattr(found, "kind", "unfinished")})
    if isinstance(found, general.Unfinished):
        return runs.describe_unfinished(found) if runs.is_unfinished(path) else found
    if found.kind not in KINDS:
        return found
    kind = KINDS[found.kind]
    told = {"kbs": kbs, "rows": rows, "top": top, "memory": memory, "threads": threads}
    return kind.describe(found, **{name: value for name, value in told.items() if name in kind.asks})


def verify(
    path: Path, *, deep: bool = False, memory: int | None = None, threads: int | None = None
) -> Verdict:
    """Check an artefact of any kind; `deep` looks into its rows too."""
    checks = {name: kind.problems for name, kind in KINDS.items()}
    contents = {tokens.KIND: lambda folder: Tokenizer.load(folder).content, origin.MODEL: origin.content}
    return whole.verify(path, deep=deep, memory=memory, threads=threads, checks=checks, contents=contents)


def diff(
    old: Path,
    new: Path,
    *,
    kbs: Sequence[Path | str] = (),
    examples: int = 5,
    top: int = 20,
    memory: int | None = None,
    threads: int | None = None,
) -> Changed:
    """Compare two artefacts of one kind; spills to disk what does not fit into memory.

    `examples` are shown of each change; the `top` relations or branches. `kbs` are those that alias tables
    and linked documents speak of, if they are not where they were.
    """
    kinds = {artefact.read(path).kind for path in (old, new)}
    _refuse(kbs, f"{old}, {new}", kinds)
    kind = KINDS.get(kinds.pop()) if len(kinds) == 1 else None
    options: dict[str, Any] = {"examples": examples, "memory": memory, "threads": threads}
    options |= {"kbs": kbs} if kind and kind.named else {"top": top}
    compare = kind.diff if kind and kind.diff else kb_diff.diff  # which refuses what is no knowledge base
    return compare(old, new, **options)


def _refuse(kbs: Sequence[Path | str], what: str, kinds: Set[str]) -> None:
    """Refuse knowledge bases for artefacts without numbers to be named."""
    if kbs and not all(kind in KINDS and KINDS[kind].named for kind in kinds):
        more = "; `--decode N` shows examples with labels" if kinds == {shards.KIND} else ""
        raise ConfigError(f"{what}: --kb names what alias tables and linked documents speak of{more}")

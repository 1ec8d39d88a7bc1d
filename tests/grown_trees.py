"""Small knowledge bases and trees grown from them, for tests; and trees made the slow, obvious way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from kbtools import api, config
from kbtools.trees import opening
from kbtools.trees.making import Maker
from kbtools.trees.settings import Settings

Facts = Sequence[tuple[str, str, str]]


def kb(folder: Path, facts: Facts, name: str = "small") -> Path:
    """Ingest triples of strings."""
    dump = folder / f"{name}.spo"
    dump.write_text("".join("\t".join(fact) + "\n" for fact in facts), encoding="utf-8")
    api.ingest("spo", [dump], folder / name, name=name)
    return folder / name


def read(trees: Path) -> list[dict[str, Any]]:
    """Read the rows of an artefact."""
    return [row for file in sorted((trees / "trees").iterdir()) for row in pq.read_table(file).to_pylist()]


def grow(folder: Path, text: str, base: Path, *, name: str = "s.txt", **options: Any) -> list[dict[str, Any]]:
    """Make trees of a text's lines."""
    (folder / name).write_text(text, encoding="utf-8")
    out = folder / "trees"
    api.tree(folder / name, out, kbs=[base], overwrite=True, **options)
    return read(out)


def maker(folder: Path, base: Path, *, tokenizer: Path | None = None, **settings: Any) -> Maker:
    """Open what trees are made with; what is prepared is prepared once for a folder."""
    how = config.build(Settings, settings, where="test")
    asked = opening.ask(None, kbs=[base], alias=None, tokenizer=tokenizer, force_lineage=False, settings=how)
    if not (folder / "work" / "facts").exists():
        opening.prepare_names(asked, folder)
        opening.prepare_facts(asked, folder)
        opening.prepare_choice(asked, folder)
    return opening.maker(asked, folder)


class Tree(NamedTuple):
    """One tree, as lists."""

    tokens: list[str]
    soft: list[int]
    branch: list[int]
    word: list[int]
    lost: int


def grouped(facts: Facts) -> dict[str, list[str]]:
    """Put what is said of each name together, in order, each once."""
    known: dict[str, list[str]] = {}
    for head, relation, tail in facts:
        if relation + tail not in known.setdefault(head, []):
            known[head].append(relation + tail)
    return known


def obvious(text: str, known: dict[str, list[str]], *, most: int, length: int, reference: bool) -> Tree:
    """Grow the tree of a sentence of Chinese characters, one step after the other."""
    room = length if reference else length - 2
    words: list[tuple[str, list[str]]] = []
    at = 0
    while at < len(text):
        sizes = range(len(text) - at, 1, -1)
        size = next((size for size in sizes if text[at : at + size] in known), 1)
        word = text[at : at + size]
        words.append((word, known[word][:most] if size > 1 else []))
        at += size
    if not reference:
        words = _shortened(words, room)
    trunk = [("[CLS]", []), *words, *([] if reference else [("[SEP]", [])])]
    left = length - sum(_size(word) for word, _ in trunk)
    tree = Tree([], [], [], [], max(0, len(text) - room) if not reference else 0)
    soft = branches = 0
    for number, (word, said) in enumerate(trunk):
        for token in [word] if word[0] == "[" else word:
            _add(tree, token, soft, 0, number)
            soft += 1
        for branch in said:
            if not reference and len(branch) > left:
                continue
            left -= len(branch)
            branches += 1
            for inside, token in enumerate(branch):
                _add(tree, token, soft + inside, branches, number)
    if not reference:
        return tree
    kept = sum(branch == 0 for branch in tree.branch[:length]) - 1
    return Tree(
        tree.tokens[:length], tree.soft[:length], tree.branch[:length], tree.word[:length], len(text) - kept
    )


def _size(word: str) -> int:
    return 1 if word[0] == "[" else len(word)


def _shortened(words: list[tuple[str, list[str]]], room: int) -> list[tuple[str, list[str]]]:
    """Cut to so many characters; a word that is cut is one no more."""
    found: list[tuple[str, list[str]]] = []
    for word, said in words:
        if len(word) <= room:
            found.append((word, said))
            room -= len(word)
        else:
            found += [(char, []) for char in word[:room]]
            break
    return found


def _add(tree: Tree, token: str, soft: int, branch: int, word: int) -> None:
    tree.tokens.append(token)
    tree.soft.append(soft)
    tree.branch.append(branch)
    tree.word.append(word)

"""What `link_quality.py` links to and scores: a knowledge base, padded with namesakes, and sets of gold."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import make_linking_kb as entities
import numpy as np
import pyarrow as pa
from make_linking_kb import World

from kbtools import config, corpus
from kbtools.linkers import opening, told
from kbtools.linkers.base import KINDS, Block
from kbtools.linkers.linking import Decided, Linker
from kbtools.linkers.opening import Asked, Opened
from kbtools.linkers.preset import Preset
from kbtools.metrics import linking
from kbtools.metrics.linking import Annotations, Counts
from kbtools.tasks.linking import gold as golds
from kbtools.tasks.linking.entities import Entities
from kbtools.tasks.linking.modes import counted

DETECTING = ("dictionary", "runs", "spans")  # steps that find mentions, where they are not given
MADE_UP = 900_000_000  # ids from here on are of namesakes
SEED = 11
TABLES = ("entities.jsonl", "label.tsv", "alias.tsv", "title.tsv", "contexts.tsv", "triples.tsv")


def kbtools(*args: object) -> None:
    """Run a command."""
    command = [sys.executable, "-m", "kbtools.cli.main", *map(str, args), "--quiet", "--overwrite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")


def real_world(data: Path) -> World:
    """Gather the entities of all real files."""
    world = World()
    for read in (
        entities.freebase, entities.xfactr, entities.codex, entities.fewrel, entities.trex, entities.sample,
    ):  # fmt: skip
        read(world, data)
    return world


def pad(world: World, names: Sequence[str], times: int) -> int:
    """Give each name that somebody bears `times` namesakes; return how many there are.

    A namesake is a copy of an entity drawn by chance, with its descriptions, classes, facts and how often it
    is linked, under the name and no other.
    """
    drawn = random.Random(SEED)
    bearers = {text for _, text, lang, _ in world.names if lang == "en"}
    ids = sorted({one for one, *_ in world.names})
    out, into, linked = defaultdict(list), defaultdict(list), defaultdict(int)
    for head, relation, tail in sorted(world.triples):
        out[head].append((relation, tail))
        into[tail].append((head, relation))
    for (one, _, _, source), count in world.names.items():
        linked[one] += count if source == "anchor" else 0
    made = 0
    for name in sorted(bearers.intersection(names)):
        for _ in range(times):
            donor, new = drawn.choice(ids), f"Q{MADE_UP + made}"
            made += 1
            world.labels[new], world.descriptions[new] = name, world.descriptions.get(donor, "")
            world.types[new] = world.types.get(donor, set())
            world.names[new, name, "en", "label"] = 1
            if linked[donor]:
                world.names[new, name, "en", "anchor"] = linked[donor]
            world.contexts[new] = world.contexts.get(donor, [])
            world.triples.update((new, relation, tail) for relation, tail in out[donor])
            world.triples.update((head, relation, new) for head, relation in into[donor])
    return made


def build(world: World, folder: Path) -> None:
    """Write tables, and make of them what a linker opens."""
    tables = folder / "tables"
    entities.write(world, tables)
    files = [tables / name for name in TABLES]
    kbtools(
        "ingest", "table", *files, "--map", tables / "map.toml", "--name", "wikidata", "--out", folder / "kb"
    )
    kbtools("alias", folder / "kb", "--prior-file", tables / "counts.tsv", "--out", folder / "alias")
    kbtools("index", folder / "kb", "--kind", "profile", "--out", folder / "profile")


class Gold:
    """A set of documents with what is right."""

    def __init__(self, spec: str, here: Opened) -> None:
        known = Entities(dict(here.bases))
        self.spec = spec
        self.gold = golds.read(corpus.documents(spec), known.resolve, known.numbered, spec)
        table = pa.Table.from_batches(list(corpus.documents(spec)))
        links = table["links"].combine_chunks()
        links = links.chunk(0) if isinstance(links, pa.ChunkedArray) else links
        given = told.given(links, here.bases, here.names)
        assert given is not None
        self.block = Block(table["text"].to_pylist(), table["lang"].to_pylist())
        marked = Block(
            self.block.texts, self.block.langs, given.take(np.flatnonzero(given.kind == KINDS.index("gold")))
        )
        marked.__dict__["words"] = self.block.words
        self.marked = marked

    @property
    def asked(self) -> Annotations:
        """Gold that must be found."""
        made = self.gold.annotations
        return made.take(~made.optional & (made.entity != linking.ANY))

    def annotations(self, found: Decided) -> Annotations:
        """Return answers, those in the part of each text that was annotated."""
        mentions, ranked, _, choice = found
        row, some = np.maximum(choice, 0), choice >= 0
        none = np.zeros(len(choice))
        entity = (
            np.where(some, mentions.eid[row].astype(np.int64), linking.NIL) if len(mentions.eid) else none - 1
        )
        score = np.where(some, ranked.p[row], ranked.nil) if len(mentions.eid) else none
        made = linking.annotate(mentions.text, mentions.start, mentions.end, entity, score=score)
        inside = self.gold.judged[made.doc]
        return made.take((made.start >= inside[:, 0]) & (made.end <= inside[:, 1]))

    def counts(self, answers: Annotations, modes: Sequence[str]) -> dict[str, Counts]:
        """Count by some modes."""
        made = counted(self.gold.annotations, answers, len(self.block.texts))
        return {mode: made[mode] for mode in modes}


def opened(folder: Path) -> Opened:
    """Open what was built."""
    return opening.Opened(opening.ask(folder / "alias", indexes=[folder / "profile"], kbs=[folder / "kb"]))


def preset_of(linker: str, changes: Mapping[str, Any]) -> Preset:
    """Load a preset; `changes` are settings by their dotted names."""
    asked: Asked = opening.ask(
        "x", linker=linker, overrides=[f"{name}={value}" for name, value in changes.items()]
    )
    return config.build(Preset, asked.preset, where=linker)


def given_to(preset: Preset, *, nil: bool) -> Preset:
    """Return a preset for mentions that are given; without `nil`, one of the candidates is always meant."""
    steps = {name: step for name, step in preset.mentions.items() if name not in DETECTING}
    changed = replace(preset, mentions={"given": {"kinds": ["gold"]}, **steps}, overlap="all")
    if nil:
        return changed
    return replace(changed, nil=replace(preset.nil, total=0.0, prior=0.0, context=None, likelier=False))


def linker(preset: Preset, here: Opened) -> Linker:
    """Make a linker."""
    return Linker(preset, here.knowledge)

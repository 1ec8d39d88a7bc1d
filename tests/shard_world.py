"""All that shards are made of: two small knowledge bases, their corpus linked to both, trees, a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from kbtools import api, artefact, linkers
from kbtools.artefact import Manifest
from kbtools.shards import preset
from tests import tiny_tokenizer

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
ENGLISH, CHINESE = SAMPLE / "corpus" / "en.jsonl", SAMPLE / "corpus" / "zh.jsonl"


class World(NamedTuple):
    """Where everything lies."""

    kb: Path
    wordnet: Path
    alias: Path
    linked: Path  # English, mentions of both
    trees: Path  # Chinese
    tokenizer: Path


def build(folder: Path) -> World:
    """Make everything; some seconds."""
    tokenizer = tiny_tokenizer.build(folder / "tokenizer", "wordpiece", 2000, f"added={','.join(markers())}")
    kb, wordnet, alias, linked, trees = (folder / name for name in World._fields[:-1])
    world = World(kb, wordnet, alias, linked, trees, tokenizer)
    api.ingest("wikidata", [SAMPLE / "wikidata.json.gz"], world.kb, langs=["en", "zh"])
    api.ingest("wordnet", [SAMPLE / "wordnet" / "dict"], world.wordnet)
    api.build_alias([world.kb, world.wordnet], world.alias)
    linkers.link(ENGLISH, world.linked, alias=world.alias, candidates="all")
    api.tree(CHINESE, world.trees, kbs=[world.kb], alias=world.alias, tokenizer=world.tokenizer, lang="zh")
    return world


def markers() -> list[str]:
    """Name what presets put around facts and mentions."""
    told = [preset.load(name).corpus for name in preset.PRESETS.names()]
    return sorted({one for part in told if part for one in part.settings.get("markers", ())})


def rows(out: Path, split: str = "train") -> list[dict[str, Any]]:
    """Return the examples of a split as they stand."""
    manifest = artefact.read(out, "shards")
    found: list[dict[str, Any]] = []
    for file in manifest.tables[split].files if split in manifest.tables else []:
        with pa.memory_map(str(out / file.path)) as source:
            found += pa.ipc.open_file(source).read_all().to_pylist()
    return found


def shard(world: World, out: Path, source: Path, model: str, *overrides: str, **options: Any) -> Manifest:
    """Make shards of something of the world."""
    settings = ["max_length=64", "dev=.1", "test=.1", *overrides]
    given = {"kbs": [], **options}
    made: Manifest = api.shard(
        source, out, model=model, tokenizer=world.tokenizer, overrides=settings, **given
    )
    return made

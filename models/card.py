"""The model card: README.md as the hub reads it, from a model's configuration and lineage alone.

What stands in it comes from files that others made: names are written so that they are text and nothing else,
neither markup nor YAML.
"""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kbtools import config as settings
from kbtools.errors import KbError
from kbtools.models.configuration import KnowledgeConfig
from kbtools.models.recipe import Recipe
from kbtools.presets import to_toml

HUB = {  # licences that the hub has a word for
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odc-by", "odbl", "bsd-3-clause", "gpl-3.0",
}  # fmt: skip
MARKUP = re.compile(r"([\\`*_\[\]#|~$@]|:(?=//)|(?<=www)\.)")  # with addresses that would become links
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
LANGUAGE = re.compile(r"[a-z]{2,3}")
TAG = re.compile(r"[^a-z0-9._-]+")
DIGITS = 12  # of digests that are shown

Table = Mapping[str, Any]


def write(
    config: KnowledgeConfig,
    *,
    parameters: int,
    recipe: str | None = None,
    metrics: Table | None = None,
) -> str:
    """Write the card of a model."""
    lineage = config.lineage or {}
    parts = [
        _front(config, lineage),
        f"# {inert(config.body)}",
        _about(config, parameters),
        *_made_from(lineage),
        *_terms(_rows(lineage, "licences")),
        *_results(metrics or {}),
        "## How to use it\n\n"
        "```python\nimport kbtools.models\nfrom transformers import AutoModel, AutoTokenizer\n\n"
        'model = AutoModel.from_pretrained("FOLDER")\n'
        'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n```',
        *_recipe(recipe),
    ]
    return "\n\n".join(parts) + "\n"


def inert(value: Any, longest: int = 200) -> str:
    """Write a name so that it shows as it is, on one line, in markdown."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return "".join(ENTITIES.get(c, c) for c in MARKUP.sub(r"\\\1", line))


def _front(config: KnowledgeConfig, lineage: Table) -> str:
    """Write what the hub reads, as JSON values, which YAML takes as they are."""
    told: dict[str, Any] = {"library_name": "kbtools"}
    licences = {str(row.get("licence", "")).lower() for row in _rows(lineage, "licences")}
    if len(licences) == 1 and licences <= HUB:
        told["license"] = licences.pop()
    languages = lineage.get("languages")
    languages = (
        [one for one in languages if LANGUAGE.fullmatch(str(one))] if isinstance(languages, list) else []
    )
    if languages:
        told["language"] = sorted(languages)
    names = [config.body, str((config.text or {}).get("model_type", "")), *(config.tables or {})]
    told["tags"] = [
        "kbtools",
        *dict.fromkeys(tag for name in names if (tag := TAG.sub("-", str(name).lower()))),
    ]
    return "---\n" + "\n".join(f"{name}: {json.dumps(value)}" for name, value in told.items()) + "\n---"


def _about(config: KnowledgeConfig, parameters: int) -> str:
    text, vocabulary = config.text or {}, config.vocabulary or {}
    rows = [
        ("Body", config.body),
        (
            "Text encoder",
            f"{text.get('model_type')}, {text.get('num_hidden_layers')} layers of {text.get('hidden_size')}",
        ),
        ("Parameters", f"{parameters:,}"),
        (
            "Heads",
            ", ".join(f"{name} ({head.get('kind')})" for name, head in (config.heads or {}).items())
            or "none",
        ),
        ("Words", f"{vocabulary['size']:,}" if isinstance(vocabulary.get("size"), int) else "not told"),
        ("Tokenizer", _short(vocabulary.get("content"))),
    ]
    rows += [(f"Setting {name}", json.dumps(value)) for name, value in (config.settings or {}).items()]
    rows += [
        (f"Entities of {kb}", f"{table.get('rows')} × {table.get('dim')}, {_short(table.get('content'))}")
        for kb, table in (config.tables or {}).items()
    ]
    return "A language model made with kbtools, which ties text to knowledge bases.\n\n" + _table(
        ["what", "value"], rows
    )


def _made_from(lineage: Table) -> list[str]:
    parts = []
    if kbs := _rows(lineage, "kbs"):
        rows = [
            [kb.get("name"), kb.get("date") or kb.get("created") or "not told", _short(kb.get("content"))]
            for kb in kbs
        ]
        parts.append("## Knowledge bases\n\n" + _table(["name", "of", "content"], rows))
    if inputs := _rows(lineage, "inputs"):
        rows = [[one.get("kind"), _last(one.get("path")), _short(one.get("content"))] for one in inputs]
        parts.append("## Trained on\n\n" + _table(["kind", "name", "content"], rows))
    return parts


def _terms(licences: Sequence[Table]) -> list[str]:
    if not licences:
        return ["## Terms\n\nWhat it was made from says nothing of terms."]
    names = ["source", "licence", "level", "attribution", "redistribute"]
    may = {str(row.get("redistribute", "ask")) for row in licences}
    if "no" in may:
        denied = ", ".join(inert(row.get("source")) for row in licences if row.get("redistribute") == "no")
        told = f"**What it was made from may not be passed on** ({denied}). "
        told += "Their terms say whether the model may."
    elif may - {"yes"}:
        told = "Ask before you pass it on: the terms of some of its sources do not say that one may."
    else:
        told = "What it was made from may be passed on, with the attributions below."
    rows = [[row.get(name, "") for name in names] for row in licences]
    return [f"## Terms\n\n{told}\n\n" + _table(names, rows)]


def _results(metrics: Table) -> list[str]:
    rows = [(name, f"{value:.4g}" if isinstance(value, float) else value) for name, value in metrics.items()]
    return ["## Results\n\n" + _table(["measure", "value"], rows)] if rows else []


def _recipe(recipe: str | None) -> list[str]:
    """Show what a recipe says, defaults apart, in a fence that is longer than any in it."""
    if not recipe:
        return []
    with contextlib.suppress(KbError, tomllib.TOMLDecodeError):  # else it is shown as it is
        told = settings.build(Recipe, tomllib.loads(recipe), where="recipe")
        recipe = to_toml(told, brief=True)
    longest = max(map(len, re.findall(r"`+", recipe)), default=0)
    fence = "`" * max(3, longest + 1)
    clean = "".join(c for c in recipe if c == "\n" or c.isprintable()).strip("\n")
    return [f"## Recipe\n\n{fence}toml\n{clean}\n{fence}"]


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join('---' for _ in columns)}|"]
    lines += [f"| {' | '.join(inert('' if value is None else value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def _rows(lineage: Table, name: str) -> list[Table]:
    found = lineage.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def _short(content: Any) -> str:
    return str(content)[:DIGITS] if content else "not told"


def _last(path: Any) -> str:
    """Leave out where it lay: that is nobody's business."""
    return str(path or "").rstrip("/").rpartition("/")[2]

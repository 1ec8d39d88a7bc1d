"""Links of the documents lead somewhere, and what their programs import is there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "data/README.md")),
    *sorted(ROOT.glob("docs/*/*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def anchors(path):
    """Return what headings are called in addresses, as GitHub calls them."""
    told = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in told}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    lost = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_programs_import_what_is_there(document):
    for program in PYTHON.findall(document.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kbtools":
                if node.module.startswith("kbtools.models"):
                    pytest.importorskip("torch")
                module = importlib.import_module(node.module)
                for name in node.names:
                    if not hasattr(module, name.name):
                        importlib.import_module(f"{node.module}.{name.name}")


def test_every_document_can_be_reached_from_the_first():
    found, new = set(), {ROOT / "README.md"}
    while new:
        found |= new
        links = [
            (one.parent / link.partition("#")[0]).resolve()
            for one in new
            for link in LINK.findall(one.read_text(encoding="utf-8"))
        ]
        new = {one for one in links if one.suffix == ".md" and one.exists()} - found
    assert not {*ROOT.glob("docs/how-to/*.md"), *ROOT.glob("docs/reference/*.md")} - found

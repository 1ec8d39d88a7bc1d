"""Files of names that come with link prediction data, recognised by their own names.

| file | what a line or key says |
|---|---|
| `*entity2textlong*` `*_text.txt` | id, a text on it |
| `*entity2text*` | id, its name; with WordNet's numbers "name, gloss" |
| `*mid2name*` | Freebase id, its name with underscores |
| `*_entity.txt` | id, its name, further names |
| `*relation2text*` `*_relation.txt` | relation, its name |
| `*entity2wikidata*.json` | id: label, description, alternatives, wikidata_id, wikipedia |
| `entities.json` `types.json` `relations.json` | id: label, description; the folder's name is the language |
| `entity2types.json` | id: its classes |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kbtools.errors import ConfigError

_PACKED = r"(?:\.(?:gz|bz2|zst|xz))?"
PATTERNS = {
    "texts": rf".*(?:entity2textlong.*|_text)\.(?:txt|tsv){_PACKED}",
    "entity2text": rf".*entity2text.*\.(?:txt|tsv){_PACKED}",
    "mid2name": rf".*mid2name.*\.(?:txt|tsv){_PACKED}",
    "names": rf".*_entity\.(?:txt|tsv){_PACKED}",
    "relations": rf".*(?:relation2text.*|_relation)\.(?:txt|tsv){_PACKED}|relations\.json{_PACKED}",
    "wikidata": rf".*entity2wikidata.*\.json{_PACKED}",
    "entities": rf"(?:entities|types)\.json{_PACKED}",
    "types": rf"entity2types\.json{_PACKED}",
}
ORDER = ["wikidata", "entities", "mid2name", "names", "entity2text", "texts", "types", "relations"]
BY_LANGUAGE = re.compile(rf"(?:entities|types|relations)\.json{_PACKED}")


class Companion(NamedTuple):
    """A file of names."""

    path: str
    kind: str
    lang: str


def find(folders: Sequence[str], given: Sequence[Path], lang: str) -> list[Companion]:
    """List the files of names, those whose label is to be taken first."""
    found = []
    for path in [*given, *map(Path, folders)]:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        known = [each for each in map(_recognise, inside) if each]
        if path in given and not known:
            what = f"no file of names: known are {', '.join(re.findall('`(.*?)`', __doc__ or ''))}"
            raise ConfigError(f"{path}: {what}" if path.exists() else f"{path}: there is no such file")
        found += known
    chosen = {each.path: each._replace(lang=each.lang or lang) for each in found}
    return sorted(chosen.values(), key=lambda each: (each.lang != lang, ORDER.index(each.kind)))


def _recognise(path: Path) -> Companion | None:
    if not path.is_file():
        return None
    kind = next((kind for kind, name in PATTERNS.items() if re.fullmatch(name, path.name)), None)
    folder = path.parent.name
    says_language = BY_LANGUAGE.fullmatch(path.name) and re.fullmatch("[a-z]{2}", folder)
    return Companion(str(path), kind, folder if says_language else "") if kind else None

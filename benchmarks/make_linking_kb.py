r"""Lay out the entities of openly published test files as tables for `kbtools ingest table`.

    python benchmarks/make_linking_kb.py REALDATA OUT
    kbtools ingest table OUT/{entities.jsonl,label.tsv,alias.tsv,title.tsv,contexts.tsv,triples.tsv} \
        --map OUT/map.toml --name wikidata --out KB
    kbtools alias KB --prior-file OUT/counts.tsv --out ALIAS

Entities and names: FB15k-237's map to Wikidata, X-FACTR's aliases (en, zh), CoDEx, FewRel, LAMA's T-REx, a
sample of Wikidata. How often a name means an entity: the sentences of FewRel and T-REx, in which both ends of
a fact are marked. Facts: all of these. It is no Wikidata: some 60,000 entities, few namesakes.
"""

from __future__ import annotations

import bz2
import csv
import json
import sys
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

MAP = """
[[entities]]
file = "entities.jsonl"
id = "id"
label = "label"
lang = "en"
description = "description"
types = "types"

[[names]]
file = "label.tsv"
id = "id"
text = "text"
lang = { column = "lang" }
source = "label"

[[names]]
file = "alias.tsv"
id = "id"
text = "text"
lang = { column = "lang" }
source = "alias"

[[names]]
file = "title.tsv"
id = "id"
text = "text"
lang = { column = "lang" }
source = "title"

[[descriptions]]
file = "contexts.tsv"
id = "id"
text = "text"
lang = "en"
kind = "example"

[[triples]]
file = "triples.tsv"
head = "head"
relation = "relation"
tail = "tail"
create = true

[licence]
licence = "for tests only"
"""


class World:
    """What is gathered, file by file."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.descriptions: dict[str, str] = {}
        self.types: dict[str, set[str]] = defaultdict(set)
        self.names: Counter[tuple[str, str, str, str]] = Counter()  # id, text, lang, source
        self.triples: set[tuple[str, str, str]] = set()
        self.contexts: dict[str, list[str]] = defaultdict(list)

    def name(self, id_: str, text: str, source: str = "alias", lang: str = "en") -> None:
        """Note that an entity is called so; anchors are counted."""
        text = " ".join(text.split())
        if id_[:1] == "Q" and id_[1:].isdecimal() and text:
            key = (id_, text, lang, source)
            self.names[key] = self.names[key] + 1 if source == "anchor" else 1

    def fact(self, head: str, relation: str, tail: str) -> None:
        """Note a fact between two items."""
        if all(one[:1] == "Q" and one[1:].isdecimal() for one in (head, tail)):
            self.triples.add((head, relation, tail))


def freebase(world: World, data: Path) -> None:
    """Read the map of FB15k-237's entities to Wikidata, and its facts."""
    known = json.loads((data / "kge/FB15k-237_entity2wikidata.json").read_text())
    qids = {}
    for mid, told in known.items():
        qid = qids[mid] = told["wikidata_id"]
        if not qid:
            continue
        world.labels[qid] = told["label"] or ""
        world.descriptions[qid] = told["description"] or ""
        world.name(qid, told["label"] or "", "label")
        for other in told["alternatives"]:
            world.name(qid, other)
        if told["wikipedia"]:
            world.name(qid, unquote(told["wikipedia"].rsplit("/", 1)[-1]).replace("_", " "), "title")
    import tarfile  # noqa: PLC0415

    with tarfile.open(data / "kge/FB15k-237.tar.gz") as tar:
        for member in tar.getmembers():
            if not member.name.endswith(".txt"):
                continue
            file = tar.extractfile(member)
            for line in file or ():
                fields = line.decode().rstrip("\r\n").split("\t")
                if len(fields) == 3:
                    head, relation, tail = fields
                    world.fact(qids.get(head) or "", relation.rsplit("/", 1)[-1], qids.get(tail) or "")


def xfactr(world: World, data: Path) -> None:
    """Read X-FACTR's names and classes."""
    for lang in ("en", "zh"):
        for line in (data / f"lama/x-factr/alias/TREx/{lang}.txt").read_text("utf-8").splitlines():
            qid, *names = line.split("\t")
            for name in names:
                world.name(qid, name, "alias", lang)
    for line in (data / "lama/x-factr/TREx_instanceof.txt").read_text("utf-8").splitlines():
        qid, *classes = line.split("\t")
        for told in classes:
            kind, _, label = told.partition(",")
            world.types[qid].add(kind)
            world.labels.setdefault(kind, label)
            world.name(kind, label, "label")


def codex(world: World, data: Path) -> None:
    """Read CoDEx's facts, types and the beginnings of its articles."""
    for file in (data / "kge/codex/triples/codex-s").glob("*.txt"):
        if "negatives" not in file.name:
            for line in file.read_text().splitlines():
                world.fact(*line.split("\t"))
    for qid, types in json.loads((data / "kge/codex/types/entity2types.json").read_text()).items():
        world.types[qid].update(types)
    for lang in ("en", "zh"):
        for qid, told in json.loads((data / f"kge/codex/types/{lang}/types.json").read_text()).items():
            world.name(qid, told.get("label") or "", "label", lang)
            if lang == "en":
                world.labels.setdefault(qid, told.get("label") or "")
                world.descriptions.setdefault(qid, told.get("description") or "")
    with zipfile.ZipFile(data / "kge/codex/types/en/extracts.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".txt"):
                text = archive.read(name).decode("utf-8", "replace")
                world.contexts[Path(name).stem].append(" ".join(text.split())[:2000])


def fewrel(world: World, data: Path) -> None:
    """Read sentences in which the two ends of a fact are marked."""
    for relation, rows in json.loads((data / "re/fewrel/val_wiki.json").read_text()).items():
        for row in rows:
            ends = []
            for end in ("h", "t"):
                text, qid, places = row[end]
                del text
                tokens = [row["tokens"][at] for at in places[0]]
                world.name(qid, " ".join(tokens), "anchor")
                world.contexts[qid].append(" ".join(row["tokens"]))
                ends.append(qid)
            world.fact(ends[0], relation, ends[1])


def trex(world: World, data: Path) -> None:
    """Read LAMA's T-REx: facts, and sentences that say them."""
    for file in sorted((data / "lama/lama/TREx").glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            head, tail = row["sub_uri"], row["obj_uri"]
            world.fact(head, row["predicate_id"], tail)
            world.name(head, row["sub_label"], "label")
            world.name(tail, row["obj_label"], "alias")
            world.labels.setdefault(head, row["sub_label"])
            for told in row["evidences"][:3]:
                world.name(head, told["sub_surface"], "anchor")
                world.name(tail, told["obj_surface"], "anchor")
                sentence = told["masked_sentence"].replace("[MASK]", told["obj_surface"])
                world.contexts[head].append(sentence)
                world.contexts[tail].append(sentence)


def sample(world: World, data: Path) -> None:
    """Read a small dump of Wikidata."""
    with bz2.open(data / "wikidata/opentapioca/data/sample_wikidata_items.json.bz2", "rt") as lines:
        for line in lines:
            if not line.startswith("{"):
                continue
            item = json.loads(line.rstrip().rstrip(","))
            for lang in ("en", "zh"):
                if lang in item["labels"]:
                    world.name(item["id"], item["labels"][lang]["value"], "label", lang)
                for alias in item["aliases"].get(lang, ()) if item["aliases"] else ():
                    world.name(item["id"], alias["value"], "alias", lang)
            world.labels.setdefault(item["id"], item["labels"].get("en", {}).get("value", ""))
            world.descriptions.setdefault(item["id"], item["descriptions"].get("en", {}).get("value", ""))


def write(world: World, out: Path) -> None:
    """Write the tables and their map."""
    out.mkdir(parents=True, exist_ok=True)
    known = {id_ for id_, *_ in world.names} | set(world.labels)
    ids = {id_ for id_ in known if id_[:1] == "Q" and id_[1:].isdecimal()}
    with (out / "entities.jsonl").open("w", encoding="utf-8") as file:
        for id_ in sorted(ids, key=lambda one: int(one[1:])):
            row = {
                "id": id_,
                "label": world.labels.get(id_) or first_name(world, id_),
                "description": world.descriptions.get(id_) or None,
                "types": sorted(world.types.get(id_, ())),
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    rows: dict[str, Iterator[tuple[str, ...]]] = {
        **{
            f"{source}.tsv": iter(sorted(key[:3] for key in world.names if key[3] == source))
            for source in ("label", "alias", "title")
        },
        "counts.tsv": (
            (text, id_, str(n))
            for (id_, text, _, source), n in sorted(world.names.items())
            if source == "anchor"
        ),
        "contexts.tsv": (
            (id_, text) for id_ in sorted(world.contexts) if id_ in ids for text in world.contexts[id_][:20]
        ),
        "triples.tsv": iter(sorted(one for one in world.triples if one[0] in ids and one[2] in ids)),
    }
    headers = {
        **dict.fromkeys(("label.tsv", "alias.tsv", "title.tsv"), ("id", "text", "lang")),
        "counts.tsv": ("surface", "id", "count"),
        "contexts.tsv": ("id", "text"),
        "triples.tsv": ("head", "relation", "tail"),
    }
    for name, told in rows.items():
        with (out / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerow(headers[name])
            writer.writerows(told)
    (out / "map.toml").write_text(MAP, "utf-8")


def first_name(world: World, id_: str) -> str | None:
    """Return some name of an entity that has no label."""
    names = getattr(world, "_first", None)
    if names is None:
        names = {}
        for other, text, lang, _ in sorted(world.names):
            if lang == "en":
                names.setdefault(other, text)
        world._first = names  # type: ignore[attr-defined]
    found: str | None = names.get(id_)
    return found


def main() -> None:
    """Gather and write."""
    data, out = map(Path, sys.argv[1:3])
    world = World()
    for read in (freebase, xfactr, codex, fewrel, trex, sample):
        read(world, data)
        print(f"{read.__name__}: {len(world.names):,} names, {len(world.triples):,} facts", file=sys.stderr)
    write(world, out)


if __name__ == "__main__":
    main()

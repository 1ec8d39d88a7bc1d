"""Finishing: from staged parts to the sorted tables of a knowledge base, as tasks in three waves.

    1. number      every row gets its eid (`numbering.py`)
    2. tables      rows are mapped (`mapping.py`), sorted (`sorting.py`) and written (`writer.py`)
    3. entities    with the degrees that wave 2 counted, and the classes' closure (`classes.py`)

Tables sorted by entity or statement are cut into files by eid, each a task of its own: the dump's order is
the eids' order, so a file's rows lie together in the parts. With a predecessor they do not, and such tables
are sorted whole, like those sorted by text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kbtools.artefact import Done, Outcome, Table, Task
from kbtools.kb import joining, numbering, redirects, relations, sorting
from kbtools.kb.degrees import Degrees
from kbtools.kb.entities import IdSpace, rows_of_entities
from kbtools.kb.mapping import Mapping
from kbtools.kb.numbering import FILE, GROUP
from kbtools.kb.parts import Parts
from kbtools.kb.schema import TABLES
from kbtools.kb.schema_digest import schema_digest
from kbtools.kb.writer import plain, write_file, write_rows, write_sorted

BY_EID = ("literals", "triples", "labels", "descriptions", "types")
BY_TEXT = ("surfaces", "xref", "sitelinks")
GROUPS = FILE // GROUP


def first_wave(
    *,
    prefixes: list[str],
    old: str | None,
    memory: int,
    onto: str | None = None,
    match: str = "id",
    own_names: bool = False,
    lang: str | None = None,
) -> list[Task]:
    """Return the task that numbers: keys with `prefixes`, or text (see `names.number`)."""
    args: dict[str, object] = {"prefixes": prefixes, "old": old, "memory": memory}
    if prefixes:
        return [Task(name="number", call="kbtools.kb.numbering:number", args=args)]
    args |= {"onto": onto, "match": match, "own_names": own_names, "lang": lang}
    return [Task(name="number", call="kbtools.kb.names:number", args=args)]


def second_wave(
    folder: Path,
    *,
    without: Iterable[str],
    damage: list[list[object]],
    memory: int,
    own_names: bool = False,
    lang: str | None = None,
    onto: str | None = None,
) -> list[Task]:
    """Return the tasks that make all tables but two; `without` names tables that are not wanted."""
    numbered = numbering.load(folder)
    common = [_task("rejects", "rejects", damage=damage, memory=memory)]
    common += [_task(table, "small_table", table=table) for table in ("relations", "redirects")]
    if numbered.prefixes:
        return _sliced(numbered, set(without), memory) + common
    named = joining.tasks(
        folder, without=set(without), memory=memory, own_names=own_names, lang=lang, onto=onto
    )
    return named + common


def _sliced(numbered: numbering.Numbered, skipped: set[str], memory: int) -> list[Task]:
    numbers = range(-(-(len(numbered.bounds) - 1) // GROUPS) or 1)
    sliced = ["qualifiers", *BY_EID] if numbered.in_order else ["qualifiers"]
    whole = [*BY_TEXT] if numbered.in_order else [*BY_EID, *BY_TEXT]
    whole = [table for table in whole if table not in skipped]
    # the longest first: the slices fill what time the other workers have
    tasks = [_task(table, "whole_table", table=table, memory=memory) for table in whole]
    return tasks + [
        _task(f"{table}-{number:05}", "slice_table", table=table, number=number)
        for number in numbers
        for table in sliced
        if table not in skipped
    ]


def third_wave(folder: Path, *, subclass_of: int | None, memory: int, workers: int) -> list[Task]:
    """Return the tasks that make the entities, and the classes if there can be any."""
    # the classes have the other workers' threads and memory to themselves
    others = max(1, workers - 1)
    args = {"subclass_of": subclass_of, "memory": memory * others, "threads": others}
    tasks = [_task("entities", "entities", memory=memory)]
    if subclass_of is not None or (folder / "new" / "types").exists():
        tasks.append(Task(name="classes", call="kbtools.kb.classes:build", args=args))
    return tasks


def tables_of(folder: Path, done: Iterable[Done]) -> dict[str, Table]:
    """Describe the tables that tasks have written, for the manifest."""
    files = {f.path.partition("/")[2]: f for d in done for f in d.files if f.path.startswith("new/")}
    tables: dict[str, Table] = {}
    for name, spec in TABLES.items():
        mine = [files[path] for path in sorted(files) if path.startswith(f"{name}/")]
        if mine:
            rows = sum(pq.read_metadata(folder / f.path).num_rows for f in mine)
            entries = [type(f)(path=f.path.partition("/")[2], bytes=f.bytes, digest=f.digest) for f in mine]
            tables[name] = Table(rows=rows, files=entries, schema=schema_digest(spec.schema))
    return tables


def _task(name: str, function: str, **args: object) -> Task:
    return Task(name=name, call=f"kbtools.kb.finish:{function}", args=args)


def slice_table(folder: Path, *, table: str, number: int) -> Outcome:
    """Make one file of a table whose rows follow the dump."""
    mapping = Mapping(folder)
    bounds = mapping.numbered.bounds

    def groups() -> Iterator[pa.Table]:
        for place in range(number * GROUPS, min((number + 1) * GROUPS, len(bounds) - 1)):
            batches = list(mapping.table(table, bounds[place], bounds[place + 1]))
            if batches:
                rows = sorting.in_memory(table, batches)
                if table == "triples":
                    degrees.add(rows)
                yield rows

    with Degrees(folder, f"{table}-{number:05}", counting=table == "triples") as degrees:
        files = write_file(folder / "new", table, number, groups())
    return Outcome(files=[*(f"new/{name}" for name in files), *degrees.files])


def whole_table(folder: Path, *, table: str, memory: int) -> Outcome:
    """Make a table that has to be sorted as a whole."""
    mapping = Mapping(folder)
    ordered = sorting.out_of_core(folder, table, mapping.table(table), memory)
    with Degrees(folder, table, counting=table == "triples") as degrees:
        files = write_sorted(folder / "new", table, degrees.watch(ordered), step=GROUP, file=FILE)
    return Outcome(files=[*(f"new/{name}" for name in files), *degrees.files])


def small_table(folder: Path, *, table: str) -> Outcome:
    """Write a table that numbering has made already."""
    source = {"relations": relations.FILE, "redirects": redirects.FILE}[table]
    numbered = numbering.load(folder)
    with pa.memory_map(str(folder / source)) as file, pa.ipc.open_file(file) as found:
        rows = found.read_all().cast(plain(TABLES[table].schema))
        if table == "relations":
            rows = rows.slice(numbered.relations)  # an overlay adds to those of its base
        if not rows.num_rows and not numbered.prefixes:
            return Outcome()
        files = write_rows(folder / "new", table, rows.to_batches())
    return Outcome(files=[f"new/{name}" for name in files])


def rejects(folder: Path, *, damage: list[list[object]], memory: int) -> Outcome:
    """Make the table of what was left out: bad records, repeated ids and damaged containers."""
    schema = plain(TABLES["rejects"].schema)

    def batches() -> Iterator[pa.RecordBatch]:
        for part, batch in Parts(folder).batches("rejects"):
            yield pa.RecordBatch.from_arrays(
                [
                    batch["file"].fill_null(part.file),
                    numbering.lines(part, batch),
                    pc.add(batch["byte"], pa.scalar(part.byte, pa.uint64())),
                    batch["reason"],
                    batch["snippet"],
                ],
                schema=schema,
            )
        with pa.memory_map(str(folder / numbering.DUPLICATES)) as file, pa.ipc.open_file(file) as found:
            yield from found.read_all().cast(schema).to_batches()
        rows = [{"file": f, "byte": byte, "reason": reason, "snippet": ""} for f, byte, reason in damage]
        yield pa.RecordBatch.from_pylist(rows, schema=schema)

    files = write_rows(folder / "new", "rejects", sorting.out_of_core(folder, "rejects", batches(), memory))
    return Outcome(files=[f"new/{name}" for name in files])


def entities(folder: Path, *, memory: int) -> Outcome:
    """Make the table of entities, and the digest of the id space: of all ids in the order of their eids."""
    mapping = Mapping(folder)
    rows = rows_of_entities(mapping)
    if not mapping.numbered.in_order:
        rows = sorting.out_of_core(folder, "entities", rows, memory)
    ids = IdSpace()
    files = write_sorted(folder / "new", "entities", ids.watch(rows), step=GROUP, file=FILE)
    return Outcome(files=[f"new/{name}" for name in files], facts={"id space": ids.digest()})


def rid_of(folder: Path, name: str | None) -> int | None:
    """Look up a relation by its id."""
    with pa.memory_map(str(folder / relations.FILE)) as file, pa.ipc.open_file(file) as found:
        rows = found.read_all()
    place = pc.index(rows["id"], name).as_py() if name is not None else -1
    return None if place < 0 else int(rows["rid"][place].as_py())


def ids_of(folder: Path, groups: list[list[int]]) -> list[list[str]]:
    """Name some entities, for a message."""
    eids = [eid for group in groups for eid in group]
    if not eids:
        return []
    rows = pq.read_table(folder / "new" / "entities", columns=["eid", "id"], filters=[("eid", "in", eids)])
    names = dict(zip(rows["eid"].to_pylist(), rows["id"].to_pylist(), strict=True))
    return [[names[eid] for eid in group] for group in groups]

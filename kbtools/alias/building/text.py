"""The steps of a build that read text: prior files, and pages or corpora in which names are counted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kbtools import corpus
from kbtools.alias.building import occurrences, priors, tables
from kbtools.alias.building.asked import Asked
from kbtools.alias.building.names import Rules, lay
from kbtools.alias.building.stages import Stages, pieces
from kbtools.alias.schema import LOOKUP, SOURCES
from kbtools.artefact import Done, Outcome, Task
from kbtools.errors import SourceError
from kbtools.kb.reader import gather

UNLINKED = "work/unlinked.npy"


def stage_priors(stages: Stages, asked: Asked, rules: Rules) -> list[str]:
    """Stage what prior files count; return the files."""
    paths = [str(part.path.absolute()) for part in asked.parts]
    tasks = [
        Task(
            name=f"priors/{number:03}",
            call="kbtools.alias.building.text:stage_prior",
            args={
                "file": file, "kbs": paths, "part": f"work/priors/{number:03}", "rules": rules._asdict(),
                "site": asked.settings.site, "memory": stages.memory,
            },
        )
        for number, file in enumerate(asked.prior_files)
    ]  # fmt: skip
    done = stages.do("prior files", tasks) if tasks else []
    stages.note(done)
    return [file.path for one in done for file in one.files]


def stage_prior(
    folder: Path,
    *,
    file: str,
    kbs: Sequence[str],
    part: str,
    rules: dict[str, Any],
    site: str,
    memory: int,
) -> Outcome:
    """Stage one prior file, batch by batch."""
    report, outcome = corpus.Report(), Outcome()
    found = priors.read(file, gather(kbs), site=site, folder=folder / "work", memory=memory, report=report)
    for number, batch in enumerate(found):
        source = pa.array(np.full(batch.num_rows, SOURCES.index("prior"), np.uint8))
        name = f"{part}-{number:06}.arrow"
        rows = batch.append_column("source", source)
        laid = lay(folder, part=name, rows=rows, file=file, rules=Rules(**rules), counts={})
        outcome.files.append(name)
        report.counts.update(laid.facts["counts"])
        report.rejects += laid.facts["rejects"]
    outcome.facts |= report.facts()
    return outcome


def count(stages: Stages, asked: Asked, bounds: list[str], sizes: Sequence[int]) -> list[Done]:
    """Count names in the pages of knowledge bases and in corpora; `sizes` are the entries of each range."""
    corpora = [*(f"pages:{path}" for path in asked.pages), *asked.corpora]
    report = corpus.Report()
    counted = stages.do("text", occurrences.tasks(corpora, stages.folder, report=report))
    stages.note(counted)
    _some_text(counted, asked.corpora)
    stages.counts["characters"] = sum(one.facts["characters"] for one in counted)
    stages.rejects += report.rejects
    stages.damage += report.damage
    parts = [file.path for one in counted for file in one.files]
    seen = occurrences.total(stages.folder, parts, sum(sizes))
    linked = occurrences.total(stages.folder, parts, sum(sizes), what="linked")
    np.save(stages.folder / UNLINKED, occurrences.unlinked(linked, seen), allow_pickle=False)
    firsts = itertools.accumulate([0, *sizes[:-1]])
    tasks = [
        Task(
            name=f"forms/{number:05}",
            call="kbtools.alias.building.text:finish_forms",
            args={"forms": f"{piece}.forms", "number": number, "first": first, "entries": size},
        )
        for number, (piece, first, size) in enumerate(zip(pieces(bounds), firsts, sizes, strict=True))
    ]
    done = stages.do("forms", tasks)
    links = [f"work/links/{number:05}.npy" for number in range(len(done))]
    joined = Task(name="links", call="kbtools.alias.building.text:join_links", args={"parts": links})
    return done + stages.do("links", [joined])


def _some_text(counted: Sequence[Done], corpora: Sequence[str]) -> None:
    """Refuse corpora in which nothing is a document: they are something else."""
    rejects = [one for task in counted for one in task.facts["rejects"]]
    if corpora and rejects and not any(task.facts["counts"].get("read") for task in counted):
        first = rejects[0]
        what = f"no document in it can be read; the first of {len(rejects):,} faults: {first['reason']}"
        raise SourceError(what, path=", ".join(corpora), line=first["line"])


def finish_forms(folder: Path, *, forms: str, number: int, first: int, entries: int) -> Outcome:
    """Write the forms of one range with what was counted, and the link probabilities of its entries.

    linked: what `counts` says of anchors; unlinked: the places in text that are none. Forms that stand for
    several spellings, none of them known, have the link probability of the norm as a whole.
    """
    rows = _forms(folder / forms)
    here = np.load(folder / UNLINKED, mmap_mode="r")[first : first + entries]
    entry = rows["entry"].to_numpy()
    linked, unlinked = rows["linked"].to_numpy(), here[entry]
    link = occurrences.link_probabilities(linked, linked + unlinked)
    whole = rows["surface"].is_null().to_numpy(zero_copy_only=False)
    known = np.full(entries, np.nan, np.float32)
    known[entry] = link
    starts = np.sort(entry[whole])
    owner = starts[np.searchsorted(starts, np.arange(entries), side="right") - 1] if entries else starts
    known = np.where(np.isnan(known), known[owner], known)
    part = f"work/links/{number:05}.npy"
    (folder / part).parent.mkdir(parents=True, exist_ok=True)
    np.save(folder / part, known, allow_pickle=False)
    told = rows.select(["norm", "surface", "linked"])
    told = told.append_column("unlinked", pa.array(unlinked)).append_column("link_prob", pa.array(link))
    return Outcome(files=[tables.write(folder, "forms", number, told), part], facts={"forms": rows.num_rows})


def join_links(folder: Path, *, parts: Sequence[str]) -> Outcome:
    """Lay the link probabilities of all ranges end to end."""
    name = f"new/{LOOKUP}/links.npy"
    whole = np.concatenate([np.load(folder / part, allow_pickle=False) for part in parts])
    np.save(folder / name, whole, allow_pickle=False)
    return Outcome(files=[name])


def _forms(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as found:
        return found.read_all()

"""Tell word senses apart step by step, on real texts: what each thing that is looked at adds.

    python benchmarks/wsd_ladder.py REALDATA [--work FOLDER] [--json]

REALDATA has wordnet/princeton-3.0, wsd/raganato and wsd/semcor3.0. Nothing is trained, but for the row `most
frequent sense`, which counts senses in SemCor. F1 with 95 % intervals over instances, and by how much it is
above the first sense with the p of a paired permutation test; seconds are those of linking both sets in one
process, the tables of WordNet's words and forms included, which take two.

The two weights, 15 and 0.5, are those that are best on eight files of SemCor, with WordNet's counts less
those that come from these files (its order of equally frequent senses is left, and still tells). There the
first sense is hard to beat: 72.1, with contexts 72.1, with coherence 72.3. That contexts are compared by
cosine was seen to be good on senseval2 itself.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kbtools import api, linkers
from kbtools.metrics import Results
from kbtools.tasks.wsd import Settings
from kbtools.tasks.wsd.evaluation import FIRST, FREQUENT, Evaluation

SETS = ("senseval2", "semeval2007")
HEAD = """overlap = "all"
[mentions.lemmas]
find = false
given = true
prior = "{prior}"
[candidates]
most = 256
fuzzy = 0
"""
CONTEXT = '[features.context]\nmodel = "cosine"\nrelated = {related}\nrelated_worth = 0.5\n'
COHERENCE = """[features.coherence]
weights = { context = 15 }
margin = 1.0
window = 40
log = true
"""
RANKING = '[ranking]\nrule = "softmax"\nweights = {{ {weights} }}\n'
# what a step looks at, its preset, and the profile it takes
STEPS = (
    ("1 / number of the sense", HEAD.format(prior="order"), None),
    ("counts", HEAD.format(prior="counts"), None),
    ("counts, glosses", HEAD.format(prior="counts") + CONTEXT.format(related=0), "glosses"),
    ("counts, glosses, examples", HEAD.format(prior="counts") + CONTEXT.format(related=0), "examples"),
    (
        "counts, all of related senses (wsd)",
        HEAD.format(prior="counts") + CONTEXT.format(related=30),
        "whole",
    ),
    ("that and coherence", HEAD.format(prior="counts") + CONTEXT.format(related=30) + COHERENCE, "whole"),
)
BARE = {"names": 0.0, "object": 0.0, "type": 0.0}
PROFILES: dict[str, dict[str, float]] = {"glosses": {**BARE, "example": 0.0}, "examples": BARE, "whole": {}}


def data(real: Path, name: str) -> str:
    """Name a set as a corpus."""
    return f"raganato:{real}/wsd/raganato/{name}/{name}.data.xml"


def prepare(real: Path, work: Path) -> None:
    """Read WordNet, and make what the steps ask."""
    api.ingest("wordnet", [real / "wordnet/princeton-3.0"], work / "kb", overwrite=True)
    api.build_alias([work / "kb"], work / "alias", overwrite=True)
    for name, told in PROFILES.items():
        overrides = [f"{key}={value}" for key, value in told.items()]
        linkers.build_index(
            work / "kb", work / name, kind="profile", overwrite=True, overrides=overrides
        )  # fmt: skip


def step(number: int, real: Path, work: Path) -> tuple[list[Path], float]:
    """Link both sets; return what was written, and the seconds."""
    _, preset, profile = STEPS[number]
    weights = "context = 15" * ("context" in preset) + ", coherence = 0.5" * ("coherence" in preset)
    path = work / f"step{number}.toml"
    path.write_text(preset + RANKING.format(weights=weights))
    written, begun = [], time.perf_counter()
    for name in SETS:
        out = work / f"{number}-{name}"
        linkers.link(
            data(real, name), out, alias=work / "alias", kbs=[work / "kb"], linker=str(path),
            indexes=[work / profile] if profile else [], overwrite=True,
        )  # fmt: skip
        written.append(out)
    return written, time.perf_counter() - begun


def rows(results: Results, systems: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what is told of each system."""
    gaps = {one.system: one for one in results.comparisons if one.other == FIRST}
    for system, called in systems.items():
        told = {one.group: one for one in results.measures if one.system == system and one.metric == "F1"}
        gap = gaps.get(system)
        yield {
            "system": called,
            "f1": [round(100 * value, 1) for value in (told[""].value, told[""].low, told[""].high)],
            "parts": {group: round(100 * one.value, 1) for group, one in told.items() if group},
            "above": [round(100 * gap.difference, 1), round(gap.p, 4)] if gap else None,
        }


def main() -> None:
    """Climb the ladder and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = told.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        prepare(told.real, work)
        done = [step(number, told.real, work) for number in range(len(STEPS))]
        for place, name in enumerate(SETS):
            settings = Settings(train=f"semcor:{told.real}/wsd/semcor3.0")
            linked = [written[place] for written, _ in done]
            found = Evaluation(linked, data(told.real, name), kbs=[work / "kb"], settings=settings).run()
            systems = {FIRST: FIRST, FREQUENT: f"{FREQUENT} in SemCor"}
            systems |= {f"{at}-{name}": called for at, (called, *_) in enumerate(STEPS)}
            seconds = [None, None, *(round(one, 1) for _, one in done)]
            table = list(rows(found, systems))
            if told.json:
                print(json.dumps({"set": name, "rows": table, "seconds": seconds}))
                continue
            print(f"\n| {name} | F1 | above the first sense | by part of speech | s |\n|---|---|---|---|---|")
            for row, taken in zip(table, seconds, strict=True):
                parts = ", ".join(f"{part} {value}" for part, value in row["parts"].items())
                above = f"{row['above'][0]:+} (p {row['above'][1]})" if row["above"] else ""
                f1 = "{} [{}, {}]".format(*row["f1"])
                print(f"| {row['system']} | {f1} | {above} | {parts} | {taken or ''} |")


if __name__ == "__main__":
    main()

"""Why a name means what it means: every count, the forms it was found by, weights, priors.

The forms of a name are mixed again here, from its counts and the priors of the norm as a whole, one rung at a
time (the formula stands in forms.py): what is shown is how it came about, beside what the table says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from kbtools import config
from kbtools.alias.about.explanation import Candidate, Count, Explanation, Rung, Sense, Spelling
from kbtools.alias.about.neighbours import neighbours
from kbtools.alias.about.referents import Referents
from kbtools.alias.building.weighing import LINKS
from kbtools.alias.lookup import Alias
from kbtools.alias.schema import LEVELS, SOURCES, TABLES
from kbtools.alias.settings import Settings, Weights
from kbtools.kb.reader import Tables
from kbtools.kb.views import add_views, ask, connect
from kbtools.text import BARE, CASE, FOLDED, normalise

LINKED = {SOURCES[place] for place in LINKS}
SHOWN = ("alpha", "beta", "gamma", "kappa", "most", "min_count")


class _Row(NamedTuple):
    """A row of `counts`."""

    surface: str
    kb: int
    eid: int
    source: str
    n: int


class _How(NamedTuple):
    """How the table was weighed."""

    settings: Settings
    weights: Weights
    compat: str | None

    @classmethod
    def of(cls, alias: Alias) -> _How:
        """Read it off the manifest."""
        told, where = alias.manifest.settings, str(alias.path)
        mine = {name: told[name] for name in SHOWN if name in told}
        return cls(
            config.build(Settings, mine, where=where),
            config.build(Weights, told.get("weights", {}), where=where),
            told.get("compat"),
        )

    def plain(self) -> dict[str, Any]:
        """Return what the formula needs."""
        known = asdict(self.settings)
        return {
            **{name: known[name] for name in SHOWN}, "weights": asdict(self.weights), "compat": self.compat
        }  # fmt: skip

    def worth(self, rows: Sequence[_Row]) -> list[float]:
        """Return the weight of each row of one entity; 0 for links that are fewer than `min_count`."""
        return [
            getattr(self.weights, row.source) if used else 0.0
            for row, used in zip(rows, self.used(rows), strict=True)
        ]

    def used(self, rows: Sequence[_Row]) -> list[bool]:
        """Tell which rows of one entity count; without any it is no candidate, with n = 0 it still is."""
        few = sum(row.n for row in rows if row.source in LINKED) < self.settings.min_count
        return [not (few and row.source in LINKED) for row in rows]


class _Step(NamedTuple):
    """A rung, and the surfaces that are spelt so."""

    level: str
    form: str
    surfaces: set[str]


def explain_surface(
    surface: str,
    path: Path | str,
    *,
    kbs: Sequence[Path | str] = (),
    near: int = 5,
    memory: int | None = None,
    threads: int | None = None,
) -> Explanation:
    """Explain a name; of one that is not known, show the `near` most similar.

    Ids and labels come from the knowledge bases `kbs`, or from where they were when the table was made.
    """
    alias = Alias(path)
    who, how = Referents(alias.manifest, kbs), _How.of(alias)
    exact = normalise(surface)  # without lone surrogates
    case = normalise(exact, CASE)
    folded = normalise(case, FOLDED)
    norm = normalise(folded, BARE) or folded
    forms = {"exact": exact, "case": case, "folded": folded, "norm": norm}
    found = alias.lookup([exact])
    number = int(found.norm[0])
    notes = [who.note, None if norm else "nothing visible is left of this name"]
    explanation = Explanation(
        alias=str(path), surface=exact, forms=forms, settings=how.plain(), notes=[n for n in notes if n]
    )
    with connect(alias.path, memory=memory, threads=threads) as con:
        add_views(con, [Tables(alias.path)], only=TABLES)
        if number < 0:
            return explanation.having(near=neighbours(con, alias, who, norm, near) if norm else [])
        level, link = LEVELS[int(found.level[0])], float(found.link[0])
        page = _Page(con, alias.norm(number), who)
        form = page.form(forms[level]) if level in forms and level != "norm" else None
        steps = [] if how.compat else page.steps(level if form else "norm", forms)
        return explanation.having(
            norm=page.norm,
            level=level,
            form=form,
            link_prob=None if math.isnan(link) else link,
            senses=[
                page.sense(place, ref.name, form, steps, how)
                for place, ref in enumerate(alias.kbs)
                if page.rows[place]
            ],
            spellings=page.spellings(),
        )


class _Page:
    """What the tables say of one norm."""

    def __init__(self, con: duckdb.DuckDBPyConnection, norm: str, who: Referents) -> None:
        self.con, self.norm = con, norm
        self.rows: dict[int, dict[int, list[_Row]]] = defaultdict(lambda: defaultdict(list))  # by kb, eid
        counts = ask(
            con,
            "SELECT surface, kb, eid, source, n FROM counts WHERE norm = ? ORDER BY n DESC, source, surface",
            [norm],
        )
        for row in map(_Row._make, counts):
            self.rows[row.kb][row.eid].append(row)
        self.surfaces = sorted({row[0] for row in counts})
        self.stored: dict[tuple[str | None, int], dict[int, tuple[int, float]]] = defaultdict(dict)
        for form, kb, eid, rank, prior in ask(
            con, "SELECT form, kb, eid, rank, prior FROM candidates WHERE norm = ? ORDER BY kb, rank", [norm]
        ):
            self.stored[form, kb][eid] = (rank, prior)
        self.entities = who.entities(con, {(kb, eid) for kb, known in self.rows.items() for eid in known})

    def form(self, text: str) -> str | None:
        """Return the form if it has candidates of its own."""
        return text if any(form == text for form, _ in self.stored) else None

    def steps(self, level: str, forms: dict[str, str]) -> list[_Step]:
        """Return the rungs from the norm down to the one used, without those that change nothing."""
        path = [_Step("norm", self.norm, set(self.surfaces))]
        if level not in ("exact", "case", "folded"):
            return path
        cases = {surface: normalise(surface, CASE) for surface in self.surfaces}
        folded = {surface: normalise(case, FOLDED) for surface, case in cases.items()}
        if (text := forms[level]) in cases:  # one surface is spelt so: its own statistics stand for the form
            level, forms = "exact", {"exact": text, "case": cases[text], "folded": folded[text]}
        spelt = {"folded": folded, "case": cases, "exact": {surface: surface for surface in self.surfaces}}
        for rung, texts in spelt.items():
            group = {surface for surface, text in texts.items() if text == forms[rung]}
            if group and len(group) < len(path[-1].surfaces):
                path.append(_Step(rung, forms[rung], group))
            if rung == level:
                break
        return path

    def sense(self, place: int, name: str, form: str | None, steps: Sequence[_Step], how: _How) -> Sense:
        """Explain the name in one knowledge base."""
        known = self.rows[place]
        whole = self.stored.get((None, place), {})
        shown = self.stored.get((form, place), whole)
        counts = {
            eid: [
                Count(surface=row.surface, source=row.source, n=row.n, weight=weight)
                for row, weight in zip(rows, how.worth(rows), strict=True)
            ]
            for eid, rows in known.items()
        }
        shares = self._popularity(place, [eid for eid, rows in known.items() if any(how.used(rows))], how)
        rungs, priors = _climb(steps, {eid: counts[eid] for eid in whole if eid in counts}, whole, how)
        order = sorted(known, key=lambda eid: (shown.get(eid, (len(known),))[0], -_total(counts[eid]), eid))
        candidates = []
        for eid in order:
            entity = self.entities.get((place, eid))
            rank, prior = shown.get(eid, (None, None))
            candidates.append(
                Candidate(
                    eid=eid,
                    id=entity and entity.id,
                    label=entity and entity.label,
                    rank=rank,
                    prior=prior,
                    n=_total(counts[eid]),
                    popularity=shares.get(eid),
                    priors=priors.get(eid, []),
                    counts=counts[eid],
                )
            )
        return Sense(kb=name, rungs=rungs, candidates=candidates)

    def _popularity(self, place: int, eids: Iterable[int], how: _How) -> dict[int, float]:
        """Return π of each entity; nothing if the knowledge base is not at hand."""
        known = {eid: self.entities[place, eid] for eid in eids if (place, eid) in self.entities}
        beta, gamma = how.settings.beta, how.settings.gamma
        raw = {eid: (1 + one.sitelinks) ** beta * (1 + one.in_degree) ** gamma for eid, one in known.items()}
        together = sum(raw.values())
        return {eid: value / together for eid, value in raw.items()}

    def spellings(self) -> list[Spelling]:
        """Return the link statistics of the norm and its surfaces, the most linked first."""
        found = ask(
            self.con,
            "SELECT surface, linked, unlinked, link_prob FROM forms WHERE norm = ?"
            " ORDER BY surface IS NOT NULL, linked DESC, surface",
            [self.norm],
        )
        return [
            Spelling(surface=surface, linked=linked, unlinked=unlinked, link_prob=link)
            for surface, linked, unlinked, link in found
        ]


def _climb(
    steps: Sequence[_Step], counts: dict[int, list[Count]], whole: dict[int, tuple[int, float]], how: _How
) -> tuple[list[Rung], dict[int, list[float]]]:
    """Mix the priors rung by rung; return the rungs, and each candidate's prior on every one."""
    rungs = []
    priors = {eid: [whole[eid][1]] for eid in counts} if steps else {}
    for step in steps:
        seen = {
            eid: _total(count for count in mine if count.surface in step.surfaces)
            for eid, mine in counts.items()
        }
        n, kinds = sum(seen.values()), sum(value > 0 for value in seen.values())
        doubt = how.settings.alpha if step.level == "norm" else how.settings.kappa * kinds
        trust = n / (n + doubt) if n else 0.0
        spellings = len(step.surfaces)
        rungs.append(
            Rung(level=step.level, form=step.form, spellings=spellings, n=n, candidates=kinds, weight=trust)
        )
        if step.level != "norm":
            for eid, path in priors.items():
                path.append(trust * (seen[eid] / n if n else 0) + (1 - trust) * path[-1])
    return rungs, priors


def _total(counts: Iterable[Count]) -> float:
    return sum(count.weight * count.n for count in counts)

"""Alias tables worked out slowly, name by name, from the formulas alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kbtools.alias.settings import Weights
from kbtools.text import BARE, CASE, EXACT, FOLDED, normalise
from tests.small_names import Name


class Estimate(NamedTuple):
    """The settings of an estimate."""

    alpha: float = 1.0
    beta: float = 0.5
    gamma: float = 0.5
    kappa: float = 1.0
    most: int = 30


Key = tuple[str, str | None, int]  # norm, form, kb
Distribution = dict[int, float]


def norm_of(text: str) -> str:
    exact = normalise(text, EXACT)
    return normalise(exact, BARE) or normalise(exact, FOLDED)


def counts(kbs: Sequence[Iterable[Name]]) -> dict[tuple[str, str, int, int, str], int]:
    """Return n by surface, norm, kb, eid, source."""
    found: dict[tuple[str, str, int, int, str], int] = defaultdict(int)
    for kb, names in enumerate(kbs):
        for name in names:
            surface = normalise(name.text, EXACT)
            key = (surface, norm_of(name.text), kb, name.eid, name.source)
            found[key] += 1 if name.n is None else name.n
    return dict(found)


def candidates(
    kbs: Sequence[Iterable[Name]], popularity: Sequence[Sequence[tuple[int, int]]], how: Estimate
) -> dict[Key, Distribution]:
    """Return p(e|name) by norm, form and kb."""
    counted = counts([list(names) for names in kbs])
    found: dict[Key, Distribution] = {}
    for norm in {key[1] for key in counted}:
        mine = {key: n for key, n in counted.items() if key[1] == norm}
        by_kb = {}
        for kb in {key[2] for key in mine}:
            by_kb[kb] = _whole({k: n for k, n in mine.items() if k[2] == kb}, popularity[kb], how)
            found[norm, None, kb] = by_kb[kb]
        surfaces = {key[0] for key in mine}
        if len(surfaces) > 1 and any(len(whole) > 1 for whole in by_kb.values()):
            for kb, whole in by_kb.items():
                for form, prior in _forms(
                    {k: n for k, n in mine.items() if k[2] == kb}, surfaces, whole, how
                ):
                    found[norm, form, kb] = prior
    return found


def _weighted(rows: dict[tuple[str, str, int, int, str], int]) -> Distribution:
    total: Distribution = defaultdict(float)
    for (_, _, _, eid, source), n in rows.items():
        total[eid] += getattr(Weights(), source) * n
    return total


def _whole(
    rows: dict[tuple[str, str, int, int, str], int], popularity: Sequence[tuple[int, int]], how: Estimate
) -> Distribution:
    n = _weighted(rows)
    weight = {e: (1 + popularity[e][0]) ** how.beta * (1 + popularity[e][1]) ** how.gamma for e in n}
    share = {e: weight[e] / sum(weight.values()) for e in n}
    mass = sum(n.values())
    alpha = how.alpha if mass + how.alpha > 0 else 1.0
    prior = {e: (n[e] + alpha * share[e]) / (mass + alpha) for e in n}
    best = sorted(prior, key=lambda e: (-prior[e], e))[: how.most]
    kept = sum(prior[e] for e in best)
    return {e: prior[e] / kept for e in best}


def _forms(
    rows: dict[tuple[str, str, int, int, str], int], surfaces: set[str], whole: Distribution, how: Estimate
) -> Iterable[tuple[str, Distribution]]:
    """Climb down from the norm to each surface, mixing at every rung that tells surfaces apart."""

    def rung(surface: str) -> list[str]:
        case = normalise(surface, CASE)
        return [normalise(case, FOLDED), case, surface]

    named: dict[str, tuple[int, Distribution]] = {}
    for surface in surfaces:
        prior, group = whole, surfaces
        for level, text in enumerate(rung(surface)):
            inner = {other for other in group if rung(other)[level] == text}
            if len(inner) < len(group):
                prior = _mixed({key: n for key, n in rows.items() if key[0] in inner}, prior, how.kappa)
            if len(inner) < len(group) or level == 2:
                strictest = named.get(text, (-1, {}))[0]
                if level > strictest:
                    named[text] = (level, prior)
            group = inner
    return [(text, prior) for text, (_, prior) in named.items()]


def _mixed(
    rows: dict[tuple[str, str, int, int, str], int], above: Distribution, kappa: float
) -> Distribution:
    n = {e: w for e, w in _weighted(rows).items() if e in above and w > 0}
    mass, trust = sum(n.values()), kappa * len(n)
    if not mass:
        return above
    return {e: (n.get(e, 0) + trust * p) / (mass + trust) for e, p in above.items()}

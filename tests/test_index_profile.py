"""Profiles of a small world beside a slow oracle: words, neighbours, classes, rows of several bases."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools import artefact, linkers
from kbtools.artefact import KbRef
from kbtools.errors import ArtefactError, ConfigError
from kbtools.kb.verify import verify
from kbtools.linkers.index.profile import building, drawn
from kbtools.linkers.words import words_of
from tests import known_world, tiny_kb


@pytest.fixture
def kb(tmp_path):
    return known_world.write(tmp_path / "kb", name="known")


def built(kb, out, **settings):
    linkers.build_index(kb, out, kind="profile", **settings)
    return linkers.open_index(out)


def words_in(profile, row):
    """Return the words of an entity as {hash: sixteenths}."""
    _, at = profile.words.take(np.array([row]))
    terms = profile.arrays["words.terms"][profile.words.values[at]]
    return dict(zip(terms.tolist(), profile.words.weights[at].tolist(), strict=True))


def lists(csr, count):
    return [csr.values[csr.offsets[row] : csr.offsets[row + 1]].tolist() for row in range(count)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"most_words": 4},
        {"context_words": 1, "opening_words": 2, "opening": 2.0},
        {"names": 0.0, "object": 0.0, "context": 0.0, "example": 0.0, "label": 0.25},
    ],
)
def test_words_are_those_of_the_slow_oracle(kb, tmp_path, settings):
    profile = built(kb, tmp_path / "p", **settings)
    found = known_world.words(profile.settings)
    wanted = known_world.chosen(found, profile.settings.most_words)
    assert [words_in(profile, row) for row in range(len(wanted))] == wanted
    assert profile.lengths.tolist() == [sum(one.values()) for one in found]
    every = sorted(set().union(*found))
    assert profile.arrays["words.terms"].tolist() == every
    seen = profile.document_frequency(np.array(every, np.uint64)).tolist()
    assert seen == [sum(term in one for one in found) for term in every]
    assert profile.arrays["words.sums"].tolist() == [sum(one[term] for one in found) for term in every]
    assert profile.total * 16 == sum(sum(one.values()) for one in found)


def test_an_unknown_word_is_in_no_entity(kb, tmp_path):
    profile = built(kb, tmp_path / "p")
    terms = words_of(["zebra jaguar"]).term
    assert profile.terms(terms)[0] == -1
    assert profile.document_frequency(terms).tolist()[0] == 0
    assert profile.document_frequency(terms)[1] > 1


@pytest.mark.parametrize("ways", ["both", "in", "none"])
def test_neighbours_are_those_of_the_slow_oracle(kb, tmp_path, ways):
    profile = built(kb, tmp_path / "p", triples=ways)
    wanted = known_world.neighbours(ways)
    assert lists(profile.neighbours, len(wanted)) == [sorted(some) for some in wanted]
    assert profile.degrees.tolist() == [len(some) for some in wanted]
    assert profile.linked == sum(bool(some) for some in wanted)


def test_of_many_neighbours_those_with_the_smallest_numbers_are_kept(tmp_path):
    count = 200
    entities = [tiny_kb.entity(eid, f"Q{eid}", f"n{eid}") for eid in range(count)]
    rows = [
        tiny_kb.triple(head, 0, tail, head) for head in range(1, count) for tail in {0, head // 2} - {head}
    ]
    kb = tiny_kb.write(tmp_path / "kb", {"entities": entities, "triples": rows})
    profile = built(kb, tmp_path / "p", most_neighbours=16, triples="in")
    assert profile.degrees[0] == count - 1
    kept = sorted(range(1, count), key=lambda row: drawn(np.array([row]))[0])[:16]
    assert lists(profile.neighbours, 1)[0] == sorted(kept)
    assert lists(profile.neighbours, 5)[4] == [8, 9]


def test_types_and_their_superclasses(kb, tmp_path):
    profile = built(kb, tmp_path / "p", depth=1)
    assert lists(profile.types, 3) == [[2], [3], []]
    assert lists(profile.classes, 3) == [[2, 5], [3], []]
    assert lists(built(kb, tmp_path / "q", depth=2).classes, 1) == [[2, 5, 6]]


def test_several_bases_are_numbered_one_after_the_other(kb, tmp_path):
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    profile = built([other, kb], tmp_path / "p")
    assert len(profile) == 6 + 7
    alone = built(kb, tmp_path / "q")
    assert lists(profile.neighbours, 13)[6:] == [
        [row + 6 for row in some] for some in lists(alone.neighbours, 7)
    ]
    assert lists(profile.classes, 7)[6] == [8, 11, 12]
    assert set(words_in(profile, 6)) == set(words_in(alone, 0))
    rows = profile.bound_to(alone.kbs).rows(np.array([0, 0]), np.array([3, 7], np.uint32))
    assert rows.tolist() == [9, -1]
    turned = profile.bound_to([*reversed(profile.kbs), KbRef(name="third", content="c")])
    assert turned.rows(np.array([0, 1, 2]), np.array([0, 0, 0])).tolist() == [6, 0, -1]
    assert profile.rows(np.array([1]), np.array([6])).tolist() == [12]
    lengths, at = profile.words.take(np.array([-1, 12, 6]))
    assert lengths.tolist() == [0, 0, len(words_in(profile, 6))]
    assert len(at) == lengths.sum()


def test_overlays_add_what_they_tell(kb, tmp_path):
    made = artefact.read(kb)
    base = KbRef(name="known", content=made.content, id_space=made.id_space)
    page = {"page": 0, "eid": 6, "title": "t", "lang": "en", "text": "zebra near Jaguar", "sections": []}
    anchor = {
        "page": 0, "start": 11, "end": 17, "surface": "Jaguar", "target": 0, "target_title": "J", "kind": "x",
    }  # fmt: skip
    over = tiny_kb.write(
        tmp_path / "over",
        {"pages": [page], "anchors": [anchor], "descriptions": [
            {"eid": 6, "lang": "en", "kind": "short", "text": "quagga", "source": "y"}]},
        name="pages", base=base,
    )  # fmt: skip
    profile = built([kb, over], tmp_path / "p")
    zebra, quagga = words_of(["zebra quagga"]).term.tolist()
    assert {zebra, quagga} <= set(words_in(profile, 6))
    assert zebra in words_in(profile, 0)
    assert 6 in lists(profile.neighbours, 1)[0]


def test_contexts_of_many_anchors_are_drawn(tmp_path, monkeypatch):
    tables = known_world.tables()
    texts = [f"w{number} Jaguar v{number}" for number in range(300)]
    tables["pages"] = [
        {"page": page, "eid": None, "title": "t", "lang": "en", "text": text, "sections": []}
        for page, text in enumerate(texts)
    ]
    tables["anchors"] = [
        {"page": page, "start": text.index("J"), "end": text.index("J") + 6, "surface": "Jaguar", "target": 4,
         "target_title": "J", "kind": "x"}
        for page, text in enumerate(texts)
    ]  # fmt: skip
    kb = tiny_kb.write(tmp_path / "kb", tables)
    profile = built(kb, tmp_path / "p", contexts=50, most_words=1000)
    known = set(words_in(profile, 4))
    drawn_ = [number for number in range(300) if set(words_of([f"w{number}"]).term.tolist()) & known]
    assert 25 < len(drawn_) < 80
    monkeypatch.setattr(building, "PAGES", 7)
    again = built(kb, tmp_path / "q", contexts=50, most_words=1000)
    assert again.manifest.content == profile.manifest.content


def test_a_profile_is_an_index_like_others(kb, tmp_path):
    profile = built(kb, tmp_path / "p")
    assert verify(tmp_path / "p", deep=True).sound
    assert "profile index over known" in linkers.index_summary(profile.manifest, tmp_path / "p")
    with pytest.raises(ConfigError, match="give a fuzzy or dense index"):
        profile.search(["x"])


def test_another_release_is_refused(kb, tmp_path):
    profile = built(kb, tmp_path / "p")
    with pytest.raises(ArtefactError, match="another release of 'known'"):
        profile.bound_to([KbRef(name="known", content="x")])
    with pytest.raises(ArtefactError, match="speaks of known, not of other"):
        profile.bound_to([KbRef(name="other", content="x")])


def test_an_empty_knowledge_base_has_an_empty_profile(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", {"entities": [tiny_kb.entity(0, "a", None)]})
    profile = built(kb, tmp_path / "p")
    assert len(profile) == 1
    assert profile.words.take(np.array([0, -1]))[0].tolist() == [0, 0]
    assert profile.document_frequency(words_of(["a b"]).term).tolist() == [0, 0]

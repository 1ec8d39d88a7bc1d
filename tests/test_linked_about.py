"""What diff and verify find in linked documents, by hand."""

from __future__ import annotations

import pytest

from kbtools import api
from kbtools.errors import ArtefactError
from kbtools.linked.diff import diff
from kbtools.linked.verify import problems
from tests import tiny_kb, tiny_linked
from tests.tiny_linked import document, mention

TEXT = "Adams of Berlin 中国"


@pytest.fixture
def kb(tmp_path):
    return tiny_kb.write(tmp_path / "kb", tiny_kb.world(), name="tiny")


def write(folder, kb, *documents, called="linked"):
    return tiny_linked.write(folder / called, [kb], documents)


def good(**more):
    return mention(0, 5, 1, 0.9, candidates=[(1, 0.9)], **{"nil": 0.1, **more})


def test_sound_documents_are_sound(tmp_path, kb):
    told = [good(), mention(9, 15, 3, 0.5, group=1, parent=0), mention(16, 18, None, 0, nil=1, group=2)]
    out = write(tmp_path, kb, document("a", TEXT, told), document("b", "", []), document("c", None, [good()]))
    assert list(problems(out, ["documents"])) == []
    assert list(problems(out, [])) == []


FAULTS = {
    "of a place that is not in the text": [mention(9, 99, 1)],
    "of a knowledge base that the manifest does not name": [good(kb=1)],
    "of an entity that its knowledge base does not have": [mention(0, 5, 6)],
    "of an unknown kind": [good(kind="guess")],
    "whose p or nil is not from 0 to 1": [mention(0, 5, 1, float("nan"))],
    "whose p and nil are more than 1 together": [mention(0, 5, 1, 0.9, nil=0.3)],
    "that mean nothing with p above 0": [mention(0, 5, None, 0.5)],
    "out of order; they are sorted by start, −end and kb": [mention(9, 15, 3), good(group=1)],
    "that share a group with another place, or a place without its group": [good(), mention(9, 15, 3)],
    "whose parent is no other mention of the document": [good(parent=0)],
    "whose candidates are not sorted by p": [
        {**good(), "candidates": [{"eid": 1, "prior": 1, "p": 0.2}, {"eid": 2, "prior": 0, "p": 0.3}]}
    ],
    "with a candidate that its knowledge base does not have": [
        {**good(), "candidates": [{"eid": 77, "prior": 1, "p": 0.2}]}
    ],
    "with a candidate whose p is not from 0 to 1": [
        {**good(), "candidates": [{"eid": 1, "prior": 1, "p": -0.2}]}
    ],
    "whose candidates and nil are more than 1 together": [
        {**good(), "candidates": [{"eid": 1, "prior": 1, "p": 0.7}, {"eid": 2, "prior": 0, "p": 0.7}]}
    ],
    "with features of other candidates than there are": [good(features=[])],
}


@pytest.mark.parametrize("what", FAULTS)
def test_each_fault_is_found(what, tmp_path, kb):
    out = write(tmp_path, kb, document("fine", TEXT, [good()]), document("odd", TEXT, FAULTS[what]))
    assert f"documents: 1 mention {what}, such as in 'odd'" in list(problems(out, ["documents"]))
    assert not api.verify(out).problems  # which reads no rows
    assert any(what in one for one in api.verify(out, deep=True).problems)


def turns(found):
    return [
        (
            one.surface,
            one.before and (one.before.id, one.before.label),
            one.after and (one.after.id, one.after.label),
        )
        for one in found.examples
    ]


def test_mentions_that_came_went_and_changed(tmp_path, kb):
    old = write(
        tmp_path, kb,
        document("a", TEXT, [good(), mention(9, 15, 3, 0.5, group=1)]),
        document("b", "Adams", [good()]), document("gone", "x", []),
        document("twice", "Adams", [good()]), document("twice", "Adams", []),
        called="old",
    )  # fmt: skip
    new = write(
        tmp_path, kb,
        document("a", TEXT, [mention(0, 5, 2, 0.6), mention(9, 15, 3, 0.7), mention(16, 18, 4)]),
        document("b", "Adams!", [mention(0, 5, None, 0, nil=1)]), document("come", "x", []),
        document("twice", "Adams", []), document("twice", "Adams", [good()]),
        called="new",
    )  # fmt: skip
    found = diff(old, new)
    assert (found.documents_added.examples, found.documents_vanished.examples) == (["come"], ["gone"])
    assert found.documents_changed.examples == ["b"]
    assert (found.kept, found.moved.count) == (1, 1)
    adams, nil = ("Q42", "Douglas Adams"), (None, None)
    assert turns(found.changed) == [("Adams", adams, ("Q1", "universe")), ("Adams", adams, nil)]
    assert turns(found.moved) == [("Berlin", ("Q64", "柏林"), ("Q64", "柏林"))]
    assert turns(found.added) == [("中国", None, ("Q183", "Germany")), ("Adams", None, adams)]
    assert turns(found.removed) == [("Adams", adams, None)]
    assert [(one.name, one.old, one.new) for one in found.kbs] == [("tiny", 4, 5)]
    assert not found.notes


def reordered(folder):
    """The same entities in a release that gives them other numbers."""
    world = tiny_kb.world()
    entities = [tiny_kb.entity(eid, id_, None) for eid, id_ in enumerate(reversed(tiny_kb.IDS[1:]))]
    return tiny_kb.write(folder / "next", {**world, "entities": entities}, name="tiny")


def test_entities_of_another_release_are_matched_by_their_ids(tmp_path, kb):
    after = reordered(tmp_path)  # Q515, Q183, Q64, Q1, Q42
    old = write(tmp_path, kb, document("a", TEXT, [good(), mention(9, 15, 0, group=1)]), called="old")
    new = write(
        tmp_path, after, document("a", TEXT, [mention(0, 5, 4), mention(9, 15, 0, group=1)]), called="new"
    )
    found = diff(old, new)
    assert (found.kept, found.changed.count) == (1, 1)
    assert turns(found.changed) == [("Berlin", ("Q5", "human"), ("Q515", None))]
    kb.rename(tmp_path / "moved")
    assert "its entities are compared by number" in diff(old, new).notes[0]
    assert diff(old, new, kbs=[tmp_path / "moved"]).changed.count == 1
    with pytest.raises(ArtefactError, match="no candidates of 'other' here"):
        diff(old, new, kbs=[tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")])

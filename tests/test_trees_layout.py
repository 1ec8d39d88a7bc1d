"""Trees laid flat: the published example, and the slow, obvious way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from kbtools import artefact
from kbtools.trees.reading import plain
from kbtools.trees.visibility import padded, visible, visible_batch
from tests import grown_trees
from tests.grown_trees import obvious

COOK = [("Cook", "CEO", "Apple"), ("Beijing", "capital", "China"), ("Beijing", "is_a", "City")]
SEEN = {
    "[CLS]": "1110011100001", "Tim": "1110011100001", "is": "1110011100001", "visiting": "1110011100001",
    "now": "1110011100001", "Cook": "1111111100001", "CEO": "0011100000000", "Apple": "0011100000000",
    "Beijing": "1110011111111", "capital": "0000000111000", "China": "0000000111000",
    "is_a": "0000000100110", "City": "0000000100110",
}  # fmt: skip
FACTS = [
    ("天地", "人", "日"), ("天地", "月", "月"), ("天地", "水", "火"), ("天地人", "日", "日月火水"),
    ("人日", "月", "天"), ("人日", "天", "地天人日月水火山"), ("地人", "山", "山山"), ("日月", "火", "水"),
    ("水火山", "山", "天"), ("月", "一", "二"),
]  # fmt: skip
KNOWN = grown_trees.grouped(FACTS)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layout")
    return folder, grown_trees.kb(folder, FACTS)


def test_the_published_example(tmp_path):
    base = grown_trees.kb(tmp_path, COOK)
    (row,) = grown_trees.grow(tmp_path, "Tim Cook is visiting Beijing now", base, overrides=["sep=no"])
    told = "[CLS] Tim Cook CEO Apple is visiting Beijing capital China is_a City now"
    assert row["tokens"] == told.split()
    assert row["soft"] == [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 6, 7, 6]
    assert [int(branch > 0) for branch in row["branch"]] == [0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0]
    matrix = visible(np.array(row["branch"]), np.array(row["word"]))
    found = {
        token: "".join(str(int(sees)) for sees in line)
        for token, line in zip(row["tokens"], matrix, strict=True)
    }
    assert found == SEEN
    assert matrix.sum() == 73


def test_published_code(golden, tmp_path):
    told = json.loads((golden / "02_kbert_forward" / "kbert_cls.json").read_text(encoding="utf-8"))
    tensors = load_file(golden / "02_kbert_forward" / "kbert_cls.safetensors")
    (tmp_path / "vocab.txt").write_text("\n".join(told["vocab"]) + "\n", encoding="utf-8")
    known = {
        "蒂姆·库克": ("苹果CEO", "男"), "北京": ("中国首都", "直辖市"), "咳嗽": ("症状",),
        "肺炎": ("呼吸系统疾病", "咳嗽"), "高血压": ("疾病", "头晕"), "糖尿病": ("疾病", "diabetes"),
    }  # fmt: skip
    base = grown_trees.kb(tmp_path, [(head, "r", tail) for head, tails in known.items() for tail in tails])
    text = "\n".join(one.removeprefix("[CLS]") for one in told["sentences"])
    rows = grown_trees.grow(
        tmp_path, text, base, policy="reference", predicate=False, max_length=64,
        tokenizer=tmp_path / "vocab.txt",
    )  # fmt: skip
    for number, row in enumerate(rows):
        size = int(tensors["in.mask"][number].sum())
        assert row["input_ids"] == tensors["in.token_ids"][number, :size].astype(int).tolist()
        assert row["soft"] == tensors["in.soft_positions"][number, :size].astype(int).tolist()
        seen = visible(np.array(row["branch"]), np.array(row["word"]))
        assert (seen == tensors["in.visible_matrix"][number, :size, :size]).all()


@given(
    texts=st.lists(st.text("天地人日月水火山", max_size=40), min_size=1, max_size=8),
    most=st.integers(0, 3),
    length=st.integers(4, 40),
    reference=st.booleans(),
)
def test_as_the_obvious_way(small, texts, most, length, reference):
    folder, base = small
    policy = "reference" if reference else "trunk-first"
    maker = grown_trees.maker(folder, base, max_entities=most, max_length=length, policy=policy)
    made = maker.block(plain(texts))
    rows = made.rows
    tokens = made.tokens.to_pylist()
    for number, text in enumerate(texts):
        low, high = rows.offsets[number : number + 2].tolist()
        found = (
            tokens[low:high], rows.soft[low:high].tolist(), rows.branch[low:high].tolist(),
            rows.word[low:high].tolist(), int(rows.lost[number]),
        )  # fmt: skip
        wanted = obvious(text, KNOWN, most=most, length=length, reference=reference)
        if reference:  # words that the end of the row cut are counted otherwise, and hold no branch
            assert found[:3] == wanted[:3]
            assert found[4] == wanted.lost
            assert (visible(*map(np.array, found[2:4])) == visible(*map(np.array, wanted[2:4]))).all()
        else:
            assert found == tuple(wanted)


@given(texts=st.lists(st.text("天地人日月水火山 a", max_size=30), min_size=1, max_size=6))
def test_knowledge_leaves_the_trunk_alone(small, texts):
    folder, base = small
    rows = []
    for most in (0, 2):
        made = grown_trees.maker(folder, base, max_entities=most).block(plain(texts))
        trunk = made.rows.branch == 0
        tokens = made.tokens.filter(trunk).to_pylist()
        rows.append((tokens, made.rows.soft[trunk].tolist(), made.rows.segment[trunk].tolist()))
    assert rows[0] == rows[1]


@given(
    trees=st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9), max_size=4
    )
)
def test_visibility_is_the_rule(trees):
    branch, valid = padded([np.array([b for b, _ in tree]) for tree in trees], 3)
    word, _ = padded([np.array([w for _, w in tree]) for tree in trees], 3)
    found = visible_batch(branch, word, valid)
    assert (found == found.transpose(0, 2, 1)).all()
    for number, tree in enumerate(trees):
        for i in range(branch.shape[1]):
            for j in range(branch.shape[1]):
                if max(i, j) >= len(tree):
                    wanted = i == j
                else:
                    (b, w), (c, v) = tree[i], tree[j]
                    wanted = b == c == 0 or b == c or (w == v and (b == 0) != (c == 0))
                assert found[number, i, j] == wanted


def test_a_row_has_no_partial_branch_and_no_lost_word(tmp_path):
    base = grown_trees.kb(tmp_path, FACTS)
    (row,) = grown_trees.grow(tmp_path, "天地人日月天地", base, max_length=13)
    assert row["lost_trunk"] == 0
    assert (
        "".join(row["tokens"]) == "[CLS]天地人日月火水天地人日[SEP]"
    )  # what is too long leaves room for others
    (row,) = grown_trees.grow(tmp_path, "天地人日月天地", base, max_length=6)
    assert ("".join(row["tokens"]), row["lost_trunk"]) == ("[CLS]天地人日[SEP]", 3)
    manifest = artefact.read(tmp_path / "trees")
    assert manifest.counts["mentions cut off"] == 2
    assert manifest.counts["branches without room"] == 1

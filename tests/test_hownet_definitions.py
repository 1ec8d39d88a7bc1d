import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools.sources.hownet.definition import DEEPEST, MAIN, PLAIN, MalformedError, Node, parse

DOCTOR = "{human|人:HostOf={Occupation|职位},domain={medical|医},{doctor|医治:agent={~}}}"


def test_the_parts_of_a_definition():
    assert parse(DOCTOR) == [
        Node(MAIN, "human|人", "sememe", -1),
        Node("HostOf", "Occupation|职位", "sememe", 0),
        Node("domain", "medical|医", "sememe", 0),
        Node(PLAIN, "doctor|医治", "sememe", 0),
        Node("agent", "~", "place", 3),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{a|甲}", [(MAIN, "a|甲")]),
        ("{a|甲};{b|乙}", [(MAIN, "a|甲"), (MAIN, "b|乙")]),
        ("{a|甲:r={b|乙}{c|丙},{d|丁}}", [(MAIN, "a|甲"), ("r", "b|乙"), ("r", "c|丙"), (PLAIN, "d|丁")]),
        ("{a|甲:r={b|乙}/{c|丙}}", [(MAIN, "a|甲"), ("r", "b|乙"), ("r", "c|丙")]),
        ('{a|甲:belong="France|法国"}', [(MAIN, "a|甲"), ("belong", "France|法国")]),
        ('{a|甲:x="y:z,{w}"}', [(MAIN, "a|甲"), ("x", "y:z,{w}")]),
        ("{ a|甲 : r = { b|乙 } , s={*} }", [(MAIN, "a|甲"), ("r", "b|乙"), ("s", "*")]),
        (
            "human|人,*cure|医治,medical|医",
            [(MAIN, "human|人"), ("AgentOf", "cure|医治"), (PLAIN, "medical|医")],
        ),
        ("place|地方,(China|中国)", [(MAIN, "place|地方"), (PLAIN, "China|中国")]),
        ("", []),
    ],
)
def test_ways_to_write_one(text, told):
    assert [(node.role, node.text) for node in parse(text)] == told


def test_text_without_braces_is_text_unless_it_is_a_sememe():
    kinds = {node.text: node.kind for node in parse("{a|甲:x=some,y=b|乙,z={c},p={?},q=$}")}
    assert kinds == {
        "a|甲": "sememe", "some": "text", "b|乙": "sememe", "c": "sememe", "?": "place", "$": "place",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{a|甲", "never closed"),
        ("{a|甲}}", "outside of all braces"),
        ("a|甲}", "outside of all braces"),
        ("{a|甲:r={}}", "without a sememe"),
        ("{:r={b|乙}}", "without a sememe"),
        ("{{a|甲}}", "a brace where a sememe should be"),
        ("{a|甲:={b|乙}}", "'=' without a role"),
        ('{a|甲:x="y}', "quotation mark"),
        ("{a|甲} b|乙", "after the last brace"),
        ("{a|甲:b|乙:c|丙}", "second colon"),
        ('{a|甲:x="y"z}', "side by side"),
        ("a|甲,,b|乙", "without a name"),
        ("{a|甲:{|}}", "without a name"),
    ],
)
def test_what_cannot_be_read_says_why(text, why):
    with pytest.raises(MalformedError, match=why):
        parse(text)


def test_depth_is_limited_without_exhausting_anything():
    begin = time.monotonic()
    for hostile in ("{" * 100_000, "{a|甲:" * 100_000, "{a|甲:" * 100_000 + "}" * 100_000, "}" * 100_000):
        with pytest.raises(MalformedError):
            parse(hostile)
    assert time.monotonic() - begin < 20  # a square of it is hours
    deep = "{a|甲:" * (DEEPEST - 1) + "{a|甲}" + "}" * (DEEPEST - 1)
    assert [node.above for node in parse(deep)] == list(range(-1, DEEPEST - 1))


@pytest.mark.parametrize("sign", list('{}=:,;"/| a~'))
def test_time_is_linear(sign):
    begin = time.monotonic()
    for text in ("{a|甲:" + sign * 200_000 + "}", sign * 200_000):
        with suppress(MalformedError):
            parse(text)
    assert time.monotonic() - begin < 40  # a square of it is hours


names = st.sampled_from(["human|人", "cure|医治", "medical|医", "a|甲"])
roles = st.sampled_from(["", "HostOf", "agent", "domain"])
trees: Any = st.recursive(
    st.tuples(names, st.just([])),
    lambda inner: st.tuples(names, st.lists(st.tuples(roles, inner), max_size=4)),
    max_leaves=20,
)


def written(tree):
    name, below = tree
    inside = ",".join((f"{role}=" if role else "") + written(child) for role, child in below)
    return f"{{{name}:{inside}}}" if below else f"{{{name}}}"


def walked(tree, role=MAIN, above=-1, found=None):
    """What a reader that calls itself finds."""
    found = [] if found is None else found
    number = len(found)
    found.append(Node(role, tree[0], "sememe", above))
    for child_role, child in tree[1]:
        walked(child, child_role or PLAIN, number, found)
    return found


@given(trees)
def test_what_was_written_is_read(tree):
    assert parse(written(tree)) == walked(tree)


@given(st.text(alphabet='{}=:,;"/|~*a人 ', max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        nodes = parse(text)
    except MalformedError:
        return
    for number, node in enumerate(nodes):
        assert node.text
        assert node.role
        assert node.above < number

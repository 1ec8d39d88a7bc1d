"""How layers are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

from kbtools.errors import ConfigError
from kbtools.models.features.layers import chosen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1", (12,)), ("0", (0,)), ("12", (12,)), ("-13", (0,)), ("-4:", (9, 10, 11, 12)), ("6,12", (6, 12)),
        (" 6 , -1 ", (6, 12)), ("12,6", (12, 6)), ("1:4", (1, 2, 3)), (":2,-1", (0, 1, 12)), ("-1,12", (12,)),
        (":", tuple(range(13))), ("1:-1", tuple(range(1, 12))), ("+3", (3,)),
    ],
)  # fmt: skip
def test_what_is_meant(text, expected):
    assert chosen(text, 13) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("13", "out of range; the model has 12 layers"), ("-14", "out of range"), ("-14:", "out of range"),
        ("3:14", "out of range"), ("13:", "out of range"), ("", "write -1"), ("a", "write -1"),
        ("1,", "write -1"), ("1::2", "write -1"), ("1.0", "write -1"),
        ("3:2", "names none"), ("0x1", "write -1"),
    ],
)  # fmt: skip
def test_what_is_refused(text, said):
    with pytest.raises(ConfigError, match=said) as error:
        chosen(text, 13)
    assert "\n" not in str(error.value)


@given(st.integers(1, 8), st.none() | st.integers(-8, 7), st.none() | st.integers(-8, 8))
def test_slices_are_those_of_python(count, low, high):
    text = f"{'' if low is None else low}:{'' if high is None else high}"
    expected = tuple(range(count))[low:high]
    if (low or 0) < -count or (low or 0) >= count or (high or 0) > count or not expected:
        with pytest.raises(ConfigError):
            chosen(text, count)
    else:
        assert chosen(text, count) == expected

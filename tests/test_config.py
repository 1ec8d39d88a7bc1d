"""Settings: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbtools import config
from kbtools.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Run:
    shards: Path
    steps: Annotated[int, msgspec.Meta(ge=0)] = 10
    rate: float = 3e-4


@dataclass(frozen=True, kw_only=True)
class Settings:
    run: Run = field(default_factory=lambda: Run(shards=Path("work")))
    langs: tuple[str, ...] = field(default=("en",), metadata={"help": "languages to keep"})
    sizes: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "a")
    select: Literal["truthy", "all"] = "truthy"
    scale: Literal[1, 2] = 1
    name: str = "wikidata"
    site: str | None = None
    limit: int | None = None
    strict: bool = True
    weights: dict[str, float] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    more: tuple[Run, ...] = ()

    def __post_init__(self) -> None:
        if self.limit == 13:
            raise ValueError("limit = 13 brings bad luck")


def build(*overrides: str, **table: object) -> Settings:
    return config.build(Settings, table, where="here", overrides=overrides)


def refusal(*overrides: str, **table: object) -> str:
    with pytest.raises(ConfigError) as caught:
        build(*overrides, **table)
    return str(caught.value)


def test_a_file_becomes_settings(tmp_path):
    path = tmp_path / "all.toml"
    path.write_bytes(
        b'\xef\xbb\xbflangs = ["en", "zh"]\n[run]\nshards = "s"\nrate = 1\n'
    )  # a BOM, as editors leave it
    got = config.load(path, Settings, ["run.steps=3"])
    assert got == Settings(run=Run(shards=Path("s"), steps=3, rate=1.0), langs=("en", "zh"))
    assert isinstance(got.run.rate, float)
    assert dataclasses.is_dataclass(got)


def test_nothing_given_means_the_defaults():
    assert config.build(Settings, where="here") == Settings()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("langs=en,zh", {"langs": ("en", "zh")}),
        ("langs=en", {"langs": ("en",)}),
        ("langs=", {"langs": ()}),
        ('langs=["en", "zh"]', {"langs": ("en", "zh")}),
        ('langs="en, zh"', {"langs": ("en", "zh")}),
        ("sizes=1, 2", {"sizes": (1, 2)}),
        ("sizes=7", {"sizes": (7,)}),
        ('pair=[2, "b"]', {"pair": (2, "b")}),
        ("name=C#", {"name": "C#"}),
        ("name=10", {"name": "10"}),
        ("name=true", {"name": "true"}),
        ("name=2026-01-01", {"name": "2026-01-01"}),
        ('name="a=b"', {"name": "a=b"}),
        ("name=a=b", {"name": "a=b"}),
        ("name=none", {"name": "none"}),
        ("name=1\nsite = 2", {"name": "1\nsite = 2"}),
        ("site=none", {"site": None}),
        ("limit=none", {"limit": None}),
        ("limit=1_000", {"limit": 1000}),
        ("strict=false", {"strict": False}),
        ("select=all", {"select": "all"}),
        ("scale=2", {"scale": 2}),
        ("weights.alias=2", {"weights": {"alias": 2.0}}),
        ("raw.a.b=word", {"raw": {"a": {"b": "word"}}}),
        ("run={shards='x'}", {"run": Run(shards=Path("x"))}),
        (" strict = false ", {"strict": False}),
    ],
)
def test_an_override_is_read_as_its_setting_wants_it(override, expected):
    assert build(override) == dataclasses.replace(Settings(), **expected)


@pytest.mark.parametrize(
    ("text", "value"), [(".5", 0.5), ("-.5", -0.5), ("+.5e1", 5.0), ("1", 1.0), ("1e-3", 1e-3)]
)
def test_numbers_are_written_as_people_write_them(text, value):
    assert build("run.shards=x", f"run.rate={text}").run.rate == value


def test_overrides_go_into_tables_and_the_last_one_wins():
    given_table = {"shards": "a"}
    got = build("run.steps=1", "run.steps=2", "run.shards=b", run=given_table)
    assert got.run == Run(shards=Path("b"), steps=2)
    assert given_table == {"shards": "a"}, "the caller's table is left as it was"


def test_values_of_python_are_taken_as_they_are():
    assert build(run=Run(shards=Path("x")), langs=("de",)) == Settings(
        run=Run(shards=Path("x")), langs=("de",)
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lang": ["en"]}, "no setting 'lang'; did you mean 'langs'?"),
        ({"run": {"shards": "x", "stepps": 1}}, "no setting 'run.stepps'; did you mean 'steps'?"),
        ({"run": {"shards": "x", "zzz": 1}}, "no setting 'run.zzz'; there are shards, steps, rate"),
        (
            {"more": [{"shards": "x"}, {"shards": "x", "step": 1}]},
            "no setting 'more.1.step'; did you mean 'steps'?",
        ),
        ({"run": {}}, "setting 'run.shards' is missing: it takes path"),
        (
            {"run": {"shards": "x", "steps": "many"}},
            "run.steps = many does not fit (expected `int`, got `str`): it takes int, ge 0",
        ),
        (
            {"run": {"shards": "x", "steps": -1}},
            "run.steps = -1 does not fit (expected `int` >= 0): it takes int, ge 0",
        ),
        ({"run": {"shards": 3}}, "run.shards = 3 does not fit (expected `path`, got `int`): it takes path"),
        ({"langs": "en"}, "langs = en does not fit (expected `array`, got `str`): it takes tuple[str, ...]"),
        ({"langs": ["en", 3]}, "langs[1] = 3 does not fit (expected `str`, got `int`): it takes str"),
        ({"select": "truty"}, "select = truty does not fit: it takes truthy | all; did you mean 'truthy'?"),
        ({"scale": 3}, "scale = 3 does not fit: it takes 1 | 2"),
        (
            {"limit": True},
            "limit = true does not fit (expected `int | null`, got `bool`): it takes int | none",
        ),
        (
            {"more": [{"shards": "x", "rate": "fast"}]},
            "more[0].rate = fast does not fit (expected `float`, got `str`): it takes float",
        ),
        ({"limit": 13}, "limit = 13 brings bad luck"),
        (
            {"weights": {"a": "b"}},
            "weights = {a = b} does not fit (expected `float`, got `str`): it takes dict[str, float]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_a_cure(table, message):
    assert refusal(**table) == f"here: {message}"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("langs", "override 'langs' is not of the form name=value or table.name=value"),
        ("run..steps=1", "override 'run..steps=1' is not of the form name=value or table.name=value"),
        ("lnags=en", "no setting 'lnags'; did you mean 'langs'?"),
        (
            "limit=many",
            "limit = many does not fit (expected `int | null`, got `str`): it takes int | none",
        ),
    ],
)
def test_an_override_that_does_not_fit_is_refused(override, message):
    assert refusal(override) == f"here: {message}"


def test_an_override_cannot_go_into_a_value():
    assert "override 'name.x=1': 'name' is a value, not a table" in refusal("name.x=1", name="a")


def test_a_file_that_is_no_toml_names_the_place(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("a = \n")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML: .*line 1"):
        config.load(bad, Settings)
    bad.write_bytes(b"name = '\xff'\n")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML"):
        config.load(bad, Settings)
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        config.load(tmp_path / "none.toml", Settings)


def test_describe_lists_what_can_be_set():
    found = {setting.name: setting for setting in config.describe(Settings)}
    assert list(found)[:5] == ["run.shards", "run.steps", "run.rate", "langs", "sizes"]
    assert found["langs"] == ("langs", tuple[str, ...], ("en",), "languages to keep")
    assert found["run.shards"].default is config.REQUIRED
    assert [
        (s.type_name, s.shown) for s in (found[n] for n in ("run.shards", "run.steps", "langs", "select"))
    ] == [
        ("path", ""),
        ("int, ge 0", "10"),
        ("tuple[str, ...]", "en"),
        ("truthy | all", "truthy"),
    ]
    assert [(found[n].type_name, found[n].shown) for n in ("site", "strict", "raw")] == [
        ("str | none", "none"),
        ("bool", "true"),
        ("dict[str, any value]", "{}"),
    ]


def test_what_describe_shows_can_be_typed_in():
    shown = [f"{setting.name}={setting.shown}" for setting in config.describe(Settings) if setting.shown]
    assert build(*shown, "run.shards=work") == Settings()


def test_plain_settings_go_round():
    settings = build("langs=en,zh", "run.shards=x", "weights.alias=0.5", "more=[{shards='y'}]")
    table = config.plain(settings)
    assert table["run"]["shards"] == "x"
    assert config.build(Settings, msgspec.json.decode(msgspec.json.encode(table)), where="here") == settings


@given(langs=st.lists(st.from_regex(r"[a-z][a-z-]{0,7}", fullmatch=True)))
def test_any_list_of_words_is_split_again(langs):
    assert build(f"langs={','.join(langs)}").langs == tuple(langs)


@given(name=st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_is_taken_for_a_string_or_refused_by_nothing(name):
    assert isinstance(build(f"name={name}").name, str)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("4g", 4 * 10**9), ("4GiB", 4 << 30), ("1.5kB", 1500), ("512 MiB", 512 << 20),
     ("7", 7), ("7B", 7), (" 2TB ", 2 * 10**12), (".5k", 500)],
)  # fmt: skip
def test_sizes(text, size):
    assert config.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "4XB", "-1GB", "4 GB RAM", "1e9", "iB", "4iB", "٤x"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match="write it like 4GB, 512MiB or 100000"):
        config.parse_size(text)

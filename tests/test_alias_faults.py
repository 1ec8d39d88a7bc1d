"""Alias tables of odd names, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from kbtools import api
from kbtools.alias.lookup import Alias
from kbtools.errors import ArtefactError, ConfigError, KbError
from tests import small_names, tiny_kb
from tests.small_names import Name, ask


def build(tmp_path, names, **options):
    kb = small_names.write(tmp_path / "kb", names)
    return api.build_alias([kb], tmp_path / "alias", overwrite=True, restart=True, **options)


def surfaces(tmp_path):
    found = ask(f"SELECT surface FROM '{tmp_path}/alias/counts/*.parquet' ORDER BY ALL")
    return [row[0] for row in found]


def test_a_name_that_is_too_long_is_rejected_by_name(tmp_path):
    made = build(tmp_path, [Name(0, "x" * 10_000), Name(1, "short")])
    assert made.counts["rejected"] == 1
    rejects = ask(f"SELECT reason, snippet FROM '{tmp_path}/alias/rejects/*.parquet'")
    assert rejects == [("a name of more than 300 characters", "x" * 200)]
    assert surfaces(tmp_path) == ["short"]


def test_a_long_name_is_found_if_it_is_allowed(tmp_path):
    long = "word " * 1999 + "end"
    build(tmp_path, [Name(0, long)], max_length=10_000)
    assert Alias(tmp_path / "alias").lookup([long]).length[0] == 1


def test_names_of_punctuation_are_kept_and_those_of_nothing_rejected(tmp_path):
    odd = ["!!!", "...", "?", "\u200b", "\x01\x02", " ", "\u00ad\u00a0", "a\0b"]
    made = build(tmp_path, [Name(i % 8, text) for i, text in enumerate(odd)] + [Name(0, "name")])
    assert surfaces(tmp_path) == ["!!!", "...", "?", "name"]
    assert made.counts["rejected"] == 5
    alias = Alias(tmp_path / "alias")
    assert alias.lookup(["!!!", "！！！", "", "\u200b", "\udc80"]).length.tolist() == [1, 1, 0, 0, 0]


def test_zero_width_characters_and_mixed_scripts_make_no_difference(tmp_path):
    build(tmp_path, [Name(0, "New\u200bYork"), Name(1, "iPhone手机"), Name(2, "ﬁre")])
    found = Alias(tmp_path / "alias").lookup(["NewYork", "IPHONE 手机", "iphone手機", "fire"])
    assert found.length.tolist() == [1, 0, 1, 1]


def test_counts_beyond_32_and_64_bits(tmp_path):
    largest = (1 << 64) - 1
    names = [
        Name(0, "a", "anchor", 1 << 40),
        Name(1, "a", "anchor", largest),
        Name(1, "a", "anchor", largest),
    ]
    build(tmp_path, names)
    counted = ask(f"SELECT n FROM '{tmp_path}/alias/counts/*.parquet' ORDER BY eid")
    assert [row[0] for row in counted] == [1 << 40, largest]
    priors = ask(f"SELECT sum(prior) FROM '{tmp_path}/alias/candidates/*.parquet'")
    assert priors[0][0] == pytest.approx(1)


def test_an_empty_knowledge_base_is_refused(tmp_path):
    kb = small_names.write(tmp_path / "kb", [])
    with pytest.raises(ArtefactError, match="no names to look up"):
        api.build_alias([kb], tmp_path / "alias")
    assert not (tmp_path / "alias.partial").exists()


def test_names_that_are_all_left_out_give_an_empty_table(tmp_path):
    build(tmp_path, [Name(0, "1984", "anchor", 3)])
    alias = Alias(tmp_path / "alias")
    assert len(alias) == 0
    assert alias.lookup(["1984", "x"]).norm.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1.0}, "alpha is -1.0; it is 0 or more"),
        ({"numbers": "some"}, "keep"),
        ({"most": 0}, "most is 0; it is 1 to 65535"),
        ({"deny_classes": ("Q9",)}, "'Q9' is not an entity"),
        ({"overrides": ["mots=3"]}, "did you mean 'most'"),
        ({"compat": "rell"}, "did you mean 'rel'"),
        ({"weights": "none.toml"}, "none.toml: cannot be read"),
        ({"stop_aliases": "none.txt"}, "none.txt: cannot be read"),
        ({"prior_files": ["none.tsv"]}, "none.tsv: "),
        ({"base": "nowhere"}, "nowhere: no such artefact"),
    ],
)
def test_wrong_settings_are_told_in_one_line(tmp_path, options, message):
    with pytest.raises(KbError, match=message) as error:
        build(tmp_path, [Name(0, "a")], **options)
    assert "\n" not in str(error.value)


def test_an_unknown_weight_is_refused(tmp_path):
    file = tmp_path / "weights.toml"
    file.write_text("anchors = 1.0\n")
    with pytest.raises(ConfigError, match="did you mean 'anchor'"):
        build(tmp_path, [Name(0, "a")], weights=file)


def test_rules_leave_names_out_and_count_them(tmp_path):
    stop = tmp_path / "stop.txt"
    stop.write_text("The\n\nOF\n")
    names = [
        Name(0, "the"), Name(0, "x"), Name(0, "1984", "label"), Name(0, "1984", "anchor", 5),
        Name(0, "747-400", "redirect"), Name(0, "nom", lang="fr"), Name(0, "any", lang=None), Name(0, "long"),
    ]  # fmt: skip
    made = build(tmp_path, names, stop_aliases=stop, min_length=2, langs=("en",))
    assert surfaces(tmp_path) == ["1984", "any", "long"]
    told = {what: n for what, n in made.counts.items() if what.startswith("skipped")}
    assert told == {
        "skipped: another language": 1,
        "skipped: too short": 1,
        "skipped: a stop alias": 1,
        "skipped: a number": 2,
    }


def test_instances_of_denied_classes_have_no_names(tmp_path):
    names = [Name(eid, text) for eid, text in enumerate(["star", "lemon", "car", "galaxy"])]
    kb = small_names.write(
        tmp_path / "kb",
        names,
        types=[{"eid": 1, "type": 5}, {"eid": 3, "type": 6}],
        classes=[{"type": 5, "ancestor": 6, "depth": 1}],
    )
    api.build_alias([kb], tmp_path / "alias", deny_classes=("E6",))
    assert surfaces(tmp_path) == ["car", "star"]


def test_too_few_links_do_not_make_a_candidate(tmp_path):
    names = [Name(0, "a", "anchor", 2), Name(1, "a", "anchor", 3), Name(2, "a", "label")]
    build(tmp_path, names, min_count=3)
    kept = ask(f"SELECT DISTINCT eid FROM '{tmp_path}/alias/candidates/*.parquet' ORDER BY ALL")
    assert kept == [(1,), (2,)]


@pytest.mark.parametrize("array", ["norms", "offsets", "buckets", "entries", "eids"])
def test_a_damaged_look_up_is_refused(tmp_path, array):
    build(tmp_path, [Name(0, "a"), Name(1, "b")])
    file = tmp_path / "alias" / "lookup" / f"{array}.npy"
    whole = file.read_bytes()
    for damage in (b"", b"nonsense", whole[:-1], whole[: len(whole) // 2]):
        file.write_bytes(damage)
        with pytest.raises(ArtefactError, match=f"{array}.npy: "):
            Alias(tmp_path / "alias")
    np.save(file, np.zeros((2, 2)))
    with pytest.raises(ArtefactError, match="damaged"):
        Alias(tmp_path / "alias")
    file.unlink()
    with pytest.raises(ArtefactError, match=f"{array}.npy: gone"):
        Alias(tmp_path / "alias")


def test_an_artefact_of_another_kind_is_refused(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", tiny_kb.world())
    with pytest.raises(ArtefactError, match="a kb artefact, where a"):
        Alias(kb)

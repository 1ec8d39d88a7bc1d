"""A trained KnowBert links: its scores are those of the model itself, whoever asks and in what company."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from click.testing import CliRunner  # noqa: E402

from kbtools import api  # noqa: E402
from kbtools.cli.main import main  # noqa: E402
from kbtools.linked import Linked  # noqa: E402
from kbtools.linkers.scoring import Asked, names_a_model, taken  # noqa: E402
from tests import tiny_linker, tiny_models, tiny_tokenizer  # noqa: E402

TEXT = "Mercury sang with Queen in Paris, Texas. Apple sells the iPhone in Berlin."
DOCUMENTS = 24


def run(*arguments, code=0):
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exit_code == code, done.output
    return done.output


def corpus():
    """Return the first documents of the sample."""
    path = tiny_linker.room() / "en.jsonl"
    if not path.is_file():
        told = (tiny_tokenizer.CORPUS / "en.jsonl").read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(told[:DOCUMENTS]))
    return path


def link(out, *arguments, mode="threshold", workers=1):
    room = tiny_linker.room()
    return run(
        "link", corpus(), "--alias", room / "alias", "--with", f"knowbert:{room / mode}",
        "--candidates", "all", "--out", out, "--overwrite", *arguments, "--workers", workers, "--quiet",
    )  # fmt: skip


def rows(out):
    return [row for batch in Linked(out).scan("documents") for row in batch.to_pylist()]


def asked(mentions, texts=1):
    """Make the columns of mentions (start, end, candidates), the same ones in each text."""
    many = len(mentions)
    candidates = [one for *_, listed in mentions for one in listed] * texts
    lengths = [len(listed) for *_, listed in mentions] * texts
    return Asked(
        np.repeat(np.arange(texts, dtype=np.int32), many),
        np.array([start for start, *_ in mentions] * texts, np.int32),
        np.array([end for _, end, _ in mentions] * texts, np.int32),
        np.zeros(many * texts, np.uint8),
        np.cumsum([0, *lengths]),
        np.array([eid for eid, _ in candidates], np.uint32),
        np.array([prior for _, prior in candidates], np.float32),
    )


def places(text=TEXT):
    """Return three mentions with one to four candidates that have vectors."""
    source = tiny_linker.scorer().model.tables["wikidata"].source
    assert source is not None
    eids = source.eids().tolist()
    found = []
    for number, word in enumerate(("Mercury", "Paris, Texas", "iPhone")):
        start = text.index(word)
        listed = [(eids[3 * number + at], 1 / (at + 1)) for at in range(number * 2 % 5 + 1)]
        found.append((start, start + len(word), listed))
    return found


@pytest.mark.parametrize("mode", ["threshold", "softmax"])
def test_scores_are_those_of_the_model(mode):
    scored = tiny_linker.scorer(mode)([TEXT], ["en"], asked(places()), length=0, batch=2048, device="cpu")
    slow = tiny_linker.psi(mode, TEXT, places())
    if mode == "softmax":  # one of them always is meant
        slow = [[one - max(row) + 100 for one in row] for row in slow]
    np.testing.assert_allclose(scored, [one for row in slow for one in row], atol=1e-5)


def test_scores_do_not_depend_on_company():
    scorer, alone = tiny_linker.scorer(), asked(places())
    how: dict[str, Any] = {"length": 0, "device": "cpu"}
    one = scorer([TEXT], ["en"], alone, batch=2048, **how)
    for batch in (1, 90, 2048):
        three = scorer([TEXT, TEXT + " " + TEXT, TEXT], ["en"] * 3, asked(places(), 3), batch=batch, **how)
        count = len(one)
        np.testing.assert_allclose(three[:count], one, atol=1e-5)
        np.testing.assert_allclose(three[-count:], one, atol=1e-5)


def test_candidates_without_a_vector_are_none_and_leave_their_share():
    with_one = places()
    start, end, listed = with_one[2]
    with_one[2] = start, end, [*listed, (4_000_000, 5.0)]
    found = tiny_linker.scorer()([TEXT], ["en"], asked(with_one), length=0, batch=2048, device="cpu")
    slow = tiny_linker.psi("threshold", TEXT, places())
    np.testing.assert_allclose(found[:-1], [one for row in slow for one in row], atol=1e-5)
    assert found[-1] == -1e4


def test_long_texts_are_read_in_windows():
    text = " ".join(["Nothing happens here."] * 60 + [TEXT] + ["Nothing happens here."] * 60)
    mentions = [(start + text.index(TEXT), end + text.index(TEXT), some) for start, end, some in places()]
    found = tiny_linker.scorer()([text], ["en"], asked(mentions), length=0, batch=2048, device="cpu")
    assert (found > -100).all()
    with pytest.raises(Exception, match=r"takes 64 tokens"):
        tiny_linker.scorer()([text], ["en"], asked(mentions), length=65, batch=2048, device="cpu")


def test_no_mention_and_no_text():
    scorer = tiny_linker.scorer()
    none = asked([])
    assert len(scorer(["", TEXT], [None, "en"], none, length=0, batch=8, device="cpu")) == 0
    silent = [(0, 0, [(1, 1.0)])]
    assert scorer([""], [None], asked(silent), length=0, batch=8, device="cpu").tolist() == [-1e4]


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    out = tmp_path_factory.mktemp("linked") / "linked"
    link(out)
    return out


def test_command_decides_by_the_model(linked):
    chosen = 0
    for row in rows(linked):
        for mention in row["mentions"]:
            p = [one["p"] for one in mention["candidates"]]
            assert sum(p) + mention["nil"] == pytest.approx(1, abs=2e-3)
            chosen += 1
            assert mention["p"] == pytest.approx(max(p), abs=1e-3)
            assert max(p) >= mention["nil"] - 1e-3  # others mean none, and are left out
    assert chosen > 10, chosen
    manifest = Linked(linked).manifest
    assert {one.kind for one in manifest.inputs} >= {"alias", "model", "kb"}


def test_p_is_the_softmax_of_the_scores(tmp_path):
    link(tmp_path / "l", mode="softmax")
    row = next(row for row in rows(tmp_path / "l") if len(row["text"]) < 150 and len(row["mentions"]) > 2)
    mentions = [
        (one["start"], one["end"], [(each["eid"], each["prior"]) for each in one["candidates"]])
        for one in row["mentions"]
    ]
    for one, said in zip(row["mentions"], tiny_linker.psi("softmax", row["text"], mentions), strict=True):
        p = torch.tensor(said, dtype=torch.float64).softmax(0).tolist()
        assert [each["p"] for each in one["candidates"]] == pytest.approx(p, abs=2e-3)


def test_workers_do_not_change_bytes(linked, tmp_path):
    link(tmp_path / "two", workers=2)
    assert Linked(tmp_path / "two").manifest.content == Linked(linked).manifest.content


def test_lines_of_standard_input():
    room = tiny_linker.room()
    done = CliRunner().invoke(
        main,
        ["link", "-", "--alias", str(room / "alias"), "--with", f"knowbert:{room / 'softmax'}"],
        input=json.dumps({"text": TEXT}) + "\n",
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["mentions"]


def test_mentions_come_from_another_preset(tmp_path):
    link(tmp_path / "l", "-o", "preset=gold")
    assert all(one["kind"] == "gold" for row in rows(tmp_path / "l") for one in row["mentions"])
    link(tmp_path / "l", "-o", "features.model.length=32", "-o", "mentions.spans.most_words=1")
    assert not [
        one for row in rows(tmp_path / "l") for one in row["mentions"]
        if " " in row["text"][one["start"] : one["end"]]
    ]  # fmt: skip


def test_what_names_a_model():
    assert names_a_model("knowbert:runs/a")
    assert not any(map(names_a_model, ("prior", "mine.toml", "a/b", "c:\\x", "knowbert:")))
    assert taken(["preset=wsd", "overlap=all"]) == ("wsd", ["overlap=all"])


def test_bad_input(tmp_path):
    room = tiny_linker.room()

    def refused(what, *arguments):
        output = run(
            "link",
            corpus(),
            "--alias",
            room / "alias",
            "--out",
            tmp_path / "no",
            *arguments,
            "--quiet",
            code=2,
        )
        [line] = output.splitlines()
        assert what in line, line

    refused("a bert, which links nothing", "--with", f"knowbert:{room / 'bert'}")
    refused("no model", "--with", f"knowbert:{tmp_path}")
    refused("what links is knowbert:RUN", "--with", f"ernie:{room / 'bert'}")
    refused("--with knowbert:RUN", "--with", "prior", "-o", "features.model.length=0")
    refused("no setting", "--with", f"knowbert:{room / 'threshold'}", "-o", "features.model.size=3")
    refused("takes 64 tokens", "--with", f"knowbert:{room / 'threshold'}", "-o", "features.model.length=99")
    refused("preset= names nothing", "--with", f"knowbert:{room / 'threshold'}", "-o", "preset=")
    refused("is not there", "--with", f"knowbert:{room / 'threshold'}", "-o", "features.model.device=cuda:77")


def test_names_of_another_base_are_refused(tmp_path):
    room = tiny_linker.room()
    wordnet = tiny_models.base("wordnet")
    api.build_alias([wordnet], tmp_path / "words")
    shutil.copytree(room / "threshold", tmp_path / "moved")
    told = tmp_path / "moved" / "config.json"
    told.write_text(told.read_text().replace(str(tiny_models.vectors("wikidata")), str(tmp_path / "gone")))
    for alias, model, what in (
        (
            tmp_path / "words",
            room / "threshold",
            "but names of --alias mean those of wordnet, too",
        ),
        (room / "alias", tmp_path / "moved", "are not where they were"),
    ):
        output = run(
            "link",
            corpus(),
            "--alias",
            alias,
            "--with",
            f"knowbert:{model}",
            "--out",
            tmp_path / "no",
            code=2,
        )
        assert what in output

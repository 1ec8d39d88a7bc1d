"""Linking texts that nobody writes: very long, very short, of one name, of nothing at all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kbtools import linkers
from tests import tiny_linking
from tests.tiny_linking import found, rows

TIMES = 3000
EMOJI = "😀\u200d👩🏽"
ALL = """
[mentions.dictionary]
[features.context]
[features.coherence]
log = true
[ranking]
weights = { context = 0.2, coherence = 0.5 }
"""  # whatever the presets say, every name is a mention
CONTROL = "".join(map(chr, range(1, 32)))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hard")
    alias = tiny_linking.alias(folder)
    profile = folder / "profile"
    linkers.build_index([folder / "places", folder / "senses"], profile, kind="profile")
    return {"alias": alias, "indexes": [profile]}


def link(world, folder, texts, linker):
    if linker == "all":
        linker = str(folder / "all.toml")
        (folder / "all.toml").write_text(ALL)
    path = tiny_linking.corpus(folder, *({"text": text} for text in texts))
    linkers.link(path, folder / "linked", linker=linker, overwrite=True, **world)
    return rows(folder / "linked")


@pytest.mark.parametrize("linker", ["prior", "all"])
def test_one_name_again_and_again(world, tmp_path, linker):
    [row] = link(world, tmp_path, ["Paris, Texas; " * TIMES], linker)
    mine = [one for one in row["mentions"] if one["kb"] == 0]
    assert [one["start"] for one in mine] == list(range(0, 14 * TIMES, 14))
    assert {(one["end"] - one["start"], one["eid"]) for one in mine} == {(12, 1)}


@pytest.mark.parametrize("linker", ["prior", "all"])
def test_very_many_very_short_documents(world, tmp_path, linker):
    texts = ["France", "the", "", "China"] * TIMES
    told = link(world, tmp_path, texts, linker)
    assert [row["text"] for row in told] == texts
    assert [found(row, 0) for row in told] == [[("France", 2)], [], [], [("China", 5)]] * TIMES


@pytest.mark.parametrize("linker", ["prior", "coherence"])
@pytest.mark.parametrize("text", [CONTROL, EMOJI, "x", "Paris", "A ", "\n", "🏽", "́"])
def test_texts_without_a_name_stay_as_they_are(world, tmp_path, linker, text):
    """Names glued to each other are none; what is not JSON by itself is escaped there and comes back."""
    long = text * (1 << 14)
    [row] = link(world, tmp_path, [long], linker)
    assert row["text"] == long
    assert not row["mentions"]


def test_chinese_without_an_end(world, tmp_path):
    [row] = link(world, tmp_path, ["中国人在" * TIMES], "prior")
    assert [one["start"] for one in row["mentions"]] == list(range(0, 4 * TIMES, 4))


def test_a_long_document_changes_nothing_for_its_neighbours(world, tmp_path):
    short = "New York City is not in France, but Paris is. So says NYC Inc."
    alone = link(world, tmp_path, [short], "all")[0]["mentions"]
    long = "Paris and China. " * (1 << 15)  # more than what is linked together
    told = link(world, tmp_path, [short, long, short], "all")
    assert told[0]["mentions"] == told[2]["mentions"] == alone
    assert len(told[1]["mentions"]) >= 2 << 15


BIG = {  # made when they are asked for
    "one document": lambda: ["Paris and China are not in France. " * 300_000],
    "one name": lambda: ["Paris " * 1_000_000],
    "one word": lambda: ["Paris", "the", "China", "x"] * 250_000,
    "no spaces": lambda: ["Paris" * 2_000_000],
    "Chinese": lambda: ["中国人在" * 900_000],
    "control characters": lambda: ["".join(map(chr, range(1, 32))) * 30_000] * 10,
    "emoji": lambda: ["😀\u200d👩🏽" * 200_000] * 5,
}
RUN = """
import json, sys, time
from pathlib import Path
from kbtools import linkers
folder, alias, profile, linker = sys.argv[1:]
begun = time.perf_counter()
made = linkers.link(
    Path(folder) / "big.jsonl", Path(folder) / "big", alias=alias, indexes=[profile], linker=linker
)
status = Path("/proc/self/status").read_text()  # getrusage counts what the parent had when it forked, too
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps([time.perf_counter() - begun, peak]))
"""


@pytest.mark.long
@pytest.mark.parametrize("linker", ["prior", "coherence"])
@pytest.mark.parametrize("texts", BIG.values(), ids=BIG)
def test_it_ends_in_bounded_time_and_memory(world, tmp_path, texts, linker):
    with (tmp_path / "big.jsonl").open("w") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts())
    told = [str(tmp_path), str(world["alias"]), str(world["indexes"][0]), linker]
    done = subprocess.run([sys.executable, "-c", RUN, *told], capture_output=True, text=True, check=True)
    seconds, megabytes = json.loads(done.stdout)
    assert seconds < 300
    assert megabytes < 2048

"""How presets run: a document of a million characters, and another process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kbtools.linkers import preset
from tests import sample_linking
from tests.sample_linking import documents, linked, opened, texts

PRESETS = preset.PRESETS.names()
SLOWEST = ("coherence", "umls")  # of a kind


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return sample_linking.build(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("name", PRESETS)
def test_a_long_document_takes_seconds(world, name):
    assert seconds(world, name, 300_000 if name in SLOWEST else 100_000) < 6


@pytest.mark.long
@pytest.mark.parametrize("name", PRESETS)
def test_a_million_characters_take_seconds(world, name):
    assert seconds(world, name, 1_000_000) < 20


def seconds(world, name, size):
    """Return the processor time that a document of so many characters takes."""
    words = " ".join(row["text"] for row in documents("en", "zh"))
    text = (words + "\n") * (size // len(words) + 1)
    here = opened(world, name)
    begun = time.process_time()
    linked(here, texts(text[:size]))
    return time.process_time() - begun


TELL = """
import sys, json
from pathlib import Path
from tests import test_presets_running
print(json.dumps(test_presets_running.digests(Path(sys.argv[1]))))
"""


def digests(world: Path) -> dict[str, str]:
    """Return a digest of what each preset says of some documents."""
    few = [*documents("en")[::15], *documents("zh")[::15]]
    told = {name: json.dumps(linked(opened(world, name), few), ensure_ascii=False) for name in PRESETS}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in told.items()}


def test_another_process_says_the_same(world):
    call = [sys.executable, "-c", TELL, str(world)]
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    root = Path(__file__).parent.parent
    answer = subprocess.run(call, env=env, cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == digests(world)

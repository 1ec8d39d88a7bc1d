"""How profiles are built: the same bytes however it is done, going on after a crash, refusals in one line."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from kbtools import linkers
from kbtools.cli.main import main
from kbtools.errors import ArtefactError, ConfigError
from kbtools.linkers.index.profile import building, choosing, gathering, layout
from tests import known_world, tiny_kb


@pytest.fixture
def kb(tmp_path):
    return known_world.write(tmp_path / "kb", name="known")


def built(kb, out, **settings):
    return linkers.build_index(kb, out, kind="profile", **settings)


def test_pieces_do_not_show(kb, tmp_path, monkeypatch):
    other = tiny_kb.write(tmp_path / "other", tiny_kb.world(), name="other")
    whole = built([kb, other], tmp_path / "whole").content
    monkeypatch.setattr(building, "ENTITIES", 2)
    monkeypatch.setattr(building, "PAGES", 1)
    monkeypatch.setattr(gathering, "HELD", 5)
    monkeypatch.setattr(layout, "BATCH", 1)
    monkeypatch.setattr(choosing, "CHUNK", 1)
    assert built([kb, other], tmp_path / "pieces").content == whole


def test_workers_do_not_show(kb, tmp_path):
    one, two = (built(kb, tmp_path / f"p{workers}", workers=workers) for workers in (1, 2))
    assert one.content == two.content
    names = {path.name for path in (tmp_path / "p1").iterdir()} - {"manifest.json"}
    assert names == {f"{name}.npy" for name in one.tables}
    for name in names:
        assert (tmp_path / "p1" / name).read_bytes() == (tmp_path / "p2" / name).read_bytes()


def test_a_build_that_was_cut_off_goes_on(kb, tmp_path, monkeypatch):
    whole = built(kb, tmp_path / "whole").content
    closure, calls = choosing.closure, []

    def broken(folder, **args):
        raise KeyboardInterrupt

    gather = gathering.gather
    monkeypatch.setattr(choosing, "closure", broken)
    with pytest.raises(KeyboardInterrupt):
        built(kb, tmp_path / "p")
    assert not (tmp_path / "p").exists()
    monkeypatch.setattr(choosing, "closure", closure)

    def counted(*args, **more):
        calls.append(1)
        return gather(*args, **more)

    monkeypatch.setattr(gathering, "gather", counted)
    assert built(kb, tmp_path / "p").content == whole
    assert not calls


def test_bad_settings_and_sources_are_refused_in_one_line(kb, tmp_path):
    for name, value in {
        "label": -1,
        "abstract": 2000,
        "most_words": 0,
        "depth": -1,
        "triples": "out",
    }.items():
        with pytest.raises(ConfigError, match=name):
            built(kb, tmp_path / "p", **{name: value})
    with pytest.raises(ConfigError, match="leave out --base"):
        built(kb, tmp_path / "p", base=tmp_path / "q")
    with pytest.raises(ConfigError, match="has no vectors"):
        built(kb, tmp_path / "p", encoder=object())
    with pytest.raises(ArtefactError):
        built(tmp_path / "nothing", tmp_path / "p")
    assert not (tmp_path / "p.partial").exists()


@pytest.mark.parametrize("name", ["words.values", "neighbours.offsets", "words.terms"])
def test_damaged_files_are_refused(kb, tmp_path, name):
    built(kb, tmp_path / "p")
    file = tmp_path / "p" / f"{name}.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(ArtefactError, match=name):
        linkers.open_index(tmp_path / "p")
    np.save(file, np.load(file.with_name("types.values.npy")).astype(np.float32))
    with pytest.raises(ArtefactError, match=name):
        linkers.open_index(tmp_path / "p")
    file.unlink()
    with pytest.raises(ArtefactError, match="gone"):
        linkers.open_index(tmp_path / "p")


def test_a_manifest_that_does_not_fit_is_refused(kb, tmp_path):
    made = built(kb, tmp_path / "p")
    tiny_kb.edit_manifest(tmp_path / "p", notes={})
    with pytest.raises(ArtefactError, match="how many entities"):
        linkers.open_index(tmp_path / "p")
    tiny_kb.edit_manifest(tmp_path / "p", notes=made.notes, settings={**made.settings, "kind": "dense"})
    with pytest.raises(ArtefactError):
        linkers.open_index(tmp_path / "p")


def test_the_command_builds_and_inspects(kb, tmp_path):
    out = str(tmp_path / "p")
    asked = ["index", str(kb), "--kind", "profile", "--most-words", "9", "--out", out, "--json", "--quiet"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["settings"]["most_words"] == 9
    for command in (["verify", out, "--deep"], ["inspect", out]):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, ["index", str(kb), "--kind", "profile", "--edits", "2", "--out", out])
    assert done.exit_code == 2
    assert "edits" in done.stderr
    assert msgspec.json.decode((tmp_path / "p" / "manifest.json").read_bytes())["kind"] == "index"

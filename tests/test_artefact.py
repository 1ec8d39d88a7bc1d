"""Artefacts: whole or absent, refused when foreign, told apart by digests, resumed and recovered."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from kbtools.artefact import (
    Input,
    KbRef,
    Licence,
    Manifest,
    Staging,
    Table,
    begin,
    digest,
    entry,
    plan,
    read,
    unite,
)
from kbtools.artefact.task import write_whole
from kbtools.errors import ArtefactError, ResourceError

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

PLAN = plan("ingest", {"langs": ["en"]}, ["abc"])
OTHER = plan("ingest", {"langs": ["zh"]}, ["abc"])


def build(out, text="one", plan=PLAN, **how):
    """Build a small artefact, as a stage does."""
    with Staging(out, plan, **how) as stage:
        return stage.whole or stage.commit(filled(stage, text))


def filled(stage, text="one"):
    (stage.new / "entities").mkdir(exist_ok=True)
    (stage.new / "entities" / "part-0.parquet").write_text(text)
    file = entry(stage.new, "entities/part-0.parquet")
    return begin("kb", tables={"entities": Table(rows=1, files=[file], schema="s")})


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "kb"


def killed_at(n, *args, **kwargs):
    """Build in a child that is killed at its n-th change to the disk; tell whether it came to that."""
    child = os.fork()
    if not child:
        left = n

        def counting(real):
            def call(*args, **kwargs):
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)

            return call

        for name in ("rename", "replace", "mkdir", "unlink", "rmdir", "fsync"):
            setattr(os, name, counting(getattr(os, name)))
        try:
            build(*args, **kwargs)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


# staging


def test_an_artefact_appears_whole(out):
    with Staging(out, PLAN) as stage:
        assert not out.exists()
        (stage.work / "tmp").write_text("x")
        made = stage.commit(filled(stage))
    assert tree(out.parent) == ["kb", "kb/entities", "kb/entities/part-0.parquet", "kb/manifest.json"]
    assert read(out) == made
    assert made.plan == PLAN
    assert made.content == made.digest()


def test_a_build_that_fails_is_resumed(out):
    with contextlib.suppress(ZeroDivisionError), Staging(out, PLAN) as stage:
        (stage.work / "half").write_text("x")
        stage.commit(begin("kb", counts={"read": 1 // 0}))
    assert not out.exists()
    with Staging(out, PLAN) as stage:
        assert (stage.work / "half").read_text() == "x"
        stage.commit(filled(stage))
    assert tree(out.parent) == ["kb", "kb/entities", "kb/entities/part-0.parquet", "kb/manifest.json"]


def test_another_plan_is_refused_until_restart(out):
    with Staging(out, PLAN) as stage:
        (stage.new / "left over").write_text("x")
    with pytest.raises(ArtefactError, match=r"other settings or inputs; .*--restart"), Staging(out, OTHER):
        pass
    with Staging(out, OTHER, restart=True) as stage:
        assert tree(stage.new) == []
        stage.commit(filled(stage))
    assert read(out).plan == OTHER


def test_a_build_that_has_done_nothing_can_be_forgotten(out):
    with Staging(out, PLAN) as stage:
        (stage.folder / "done" / "a").mkdir(parents=True)
        (stage.folder / "done" / "a" / "0.json").write_text("{}")
        stage.forget()
        assert stage.folder.exists()
        (stage.folder / "done" / "a" / "0.json").unlink()
        (stage.new / "half").write_text("x")
        stage.forget()
    assert tree(out.parent) == []


@pytest.mark.parametrize("done", [False, True])
def test_an_error_leaves_behind_only_what_can_go_on(out, done):
    def fail(stage):
        if done:
            (stage.folder / "done").mkdir()
            (stage.folder / "done" / "0.json").write_text("{}")
        with stage.worthwhile():
            raise ArtefactError("of the user")

    with Staging(out, PLAN) as stage, pytest.raises(ArtefactError):
        fail(stage)
    assert stage.folder.exists() == done


def test_a_target_is_replaced_only_on_request(out):
    build(out)
    with pytest.raises(ArtefactError, match="exists; give another --out, or --overwrite"):
        build(out, "two")
    assert tree(out.parent) == ["kb", "kb/entities", "kb/entities/part-0.parquet", "kb/manifest.json"]
    build(out, "two", OTHER, overwrite=True)
    assert (out / "entities" / "part-0.parquet").read_text() == "two"
    assert not out.with_name("kb.partial").exists()


def test_what_is_not_an_artefact_is_never_overwritten(out):
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtefactError, match="not an artefact of kbtools; it is not overwritten"):
        build(out, overwrite=True)
    assert tree(out.parent) == ["kb", "kb/thesis.tex"]


def test_a_target_that_appears_meanwhile_is_safe(out):
    with Staging(out, PLAN) as stage:
        manifest = filled(stage)
        out.mkdir()
        (out / "thesis.tex").write_text("years of work")
        with pytest.raises(ArtefactError, match="exists"):
            stage.commit(manifest)
    assert tree(out) == ["thesis.tex"]


def test_a_strangers_folder_is_left_alone(out):
    partial = out.with_name("kb.partial")
    partial.mkdir()
    (partial / "thesis.tex").write_text("years of work")
    for restart in (False, True):
        with pytest.raises(ArtefactError, match=r"holds thesis\.tex, which is not ours"):
            build(out, restart=restart)
    assert (partial / "thesis.tex").exists()


def test_names_that_cannot_be():
    for name in (".", "..", "/"):
        with pytest.raises(ArtefactError, match="give the name of a new folder"):
            Staging(Path(name), PLAN)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match=r"kb\.partial: cannot be written: Not a directory"):
        build(tmp_path / "file" / "kb")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kill_at_any_moment_leaves_old_or_new(out, overwrite):
    """At any moment the name is borne by a whole folder or none, and one more run puts all right."""
    steps = 0
    while True:
        if overwrite:
            build(out, "old", OTHER)
        killed = killed_at(steps, out, "new", overwrite=overwrite)
        if out.exists():
            assert (out / "entities" / "part-0.parquet").read_text() in (
                {"old", "new"} if overwrite else {"new"}
            )
            assert read(out).content == read(out).digest()
        try:
            build(out, "new", overwrite=overwrite)
        except ArtefactError as error:
            assert "exists" in str(error)  # noqa: PT017
        assert tree(out.parent) == ["kb", "kb/entities", "kb/entities/part-0.parquet", "kb/manifest.json"]
        assert (out / "entities" / "part-0.parquet").read_text() == "new"
        assert read(out).plan == PLAN
        shutil.rmtree(out)
        steps += 1
        if not killed:
            break
    assert steps > 10


def test_the_finished_build_of_another_plan_is_not_thrown_away(out):
    steps = 0
    partial = out.with_name("kb.partial")
    while not (partial / "new" / "manifest.json").exists():
        shutil.rmtree(partial, ignore_errors=True)
        assert killed_at(steps, out)
        steps += 1
    with pytest.raises(ArtefactError, match="exists; give another --out"):
        build(out, "two", OTHER, restart=True)
    assert (out / "entities" / "part-0.parquet").read_text() == "one"


def test_two_processes_cannot_build_one_artefact(out):
    code = (
        "import sys; from pathlib import Path; from kbtools.artefact import Staging\n"
        "with Staging(Path(sys.argv[1]), sys.argv[2]): print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(out), PLAN]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(ArtefactError, match=f"being written by process {other.pid}; wait for it"):
            build(out)
        other.send_signal(signal.SIGKILL)
    build(out)  # the lock died with its holder
    assert read(out)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("IO: No space left on device")]
)
def test_a_full_disk_is_a_resource_error(out, error):
    with (
        pytest.raises(ResourceError, match=r"no space left on device; make room .* same command"),
        Staging(out, PLAN),
    ):
        raise error
    build(out)


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write_whole(path, b"new")
    assert tree(tmp_path) == ["x"]
    assert path.read_bytes() == b"old"


# manifests


def damaged(out, old, new):
    build(out)
    file = out / "manifest.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return out


def test_manifests_that_are_refused(tmp_path, out):
    def refused(path, words, kind=None):
        with pytest.raises(ArtefactError, match=words):
            read(path, kind)

    refused(out, "kb: no such artefact$")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "folder: not an artefact of kbtools")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", "file: a file; an artefact is a folder")
    refused(
        damaged(tmp_path / "a", '"kind": "kb"', '"kind": "kbx"'), "unknown kind 'kbx', written by kbtools"
    )
    refused(
        damaged(tmp_path / "b", '"version": 1', '"version": "1"'),
        r"manifest\.json: damaged or foreign: .*int",
    )
    refused(damaged(tmp_path / "c", "{", "{{"), "damaged or foreign")
    refused(damaged(tmp_path / "d", '"kb"', '"alias"'), "d: an alias artefact, where a kb is wanted", "kb")
    newer = damaged(tmp_path / "e", '"version": 1', '"version": 2')
    refused(newer, r"version 2 of a kb, written by kbtools .* reads up to 1: upgrade kbtools")
    text = (newer / "manifest.json").read_text().replace('"tables": {', '"tables": 7, "x": {')
    (newer / "manifest.json").write_text(text)
    refused(newer, "upgrade kbtools")  # and not "damaged": its fields may mean something else
    (newer / "manifest.json").write_bytes(b'{"kind": "\xff"}')
    refused(newer, "damaged or foreign")
    with Staging(out, PLAN) as stage:
        filled(stage)
        refused(out, "no such artefact; its build was interrupted: run the same command again")
        refused(stage.folder, "half written; run the command that makes it again")


def test_fields_of_later_releases_are_skipped(out):
    assert read(damaged(out, '"counts": {}', '"counts": {}, "mood": "sunny"')).kind == "kb"


def test_a_manifest_survives_the_disk(out):
    whole = Manifest(
        kind="linked",
        version=1,
        kbtools="0",
        created="2026",
        plan="",
        name="n",
        command="kbtools link",
        settings={"overlap": "best", "top": 5},
        inputs=[Input(path="a", kind="dump", content="c")],
        kbs=[KbRef(name="wd", content="c", id_space=["x"])],
        base=KbRef(name="wd", content="c"),
        counts={"read": 3},
        licences=[Licence(source="wn", licence="WordNet-3.0")],
        incomplete=True,
    )
    with Staging(out, PLAN) as stage:
        made = stage.commit(whole)
    assert read(out, "linked") == made
    assert msgspec.structs.replace(made, plan="", content="") == whole


def test_content_is_the_tables_and_nothing_else(tmp_path):
    one = build(tmp_path / "one")
    assert build(tmp_path / "same", plan=OTHER).content == one.content
    changes = [
        ("created", "never"),
        ("command", "x"),
        ("counts", {"a": 1}),
        ("settings", {"a": 1}),
        ("name", "n"),
    ]
    for field, value in changes:
        assert msgspec.structs.replace(one, **{field: value}).digest() == one.content
    assert build(tmp_path / "two", "two").content != one.content
    table = msgspec.structs.replace(one.tables["entities"], schema="t")
    assert msgspec.structs.replace(one, tables={"entities": table}).digest() != one.content
    assert msgspec.structs.replace(one, version=2).digest() != one.content


def test_a_plan_is_stage_settings_and_inputs():
    assert plan("s", {"a": 1, "b": 2}, ["x", "y"]) == plan("s", {"b": 2, "a": 1}, iter(["x", "y"]))
    plans = {
        plan("s", {"a": 1}, ["x", "y"]),
        plan("t", {"a": 1}, ["x", "y"]),
        plan("s", {"a": 2}, ["x", "y"]),
        plan("s", {"a": 1}, ["y", "x"]),
        plan("s", {"a": 1}, ["xy"]),
    }
    assert len(plans) == 5


LICENCES = st.builds(Licence, source=st.sampled_from("abc"), licence=st.sampled_from("xyz"))


@given(st.lists(LICENCES))
def test_licences_are_named_once_in_order(licences):
    united = unite(licences)
    assert set(united) == set(licences)
    assert [licences.index(one) for one in united] == sorted({licences.index(one) for one in licences})


# digests


@given(st.binary(max_size=1000))
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "digest"
    path.write_bytes(data)
    assert digest.of_file(path) == xxhash.xxh3_128_hexdigest(data)
    assert digest.of_dump(path) == f"whole:{len(data)}:{digest.of_file(path)}"


def test_a_large_dump_is_probed_from_end_to_end(tmp_path):
    size = (1 << 30) + 12_345  # sparse: it takes no room
    path = tmp_path / "dump"
    with path.open("wb") as file:
        file.truncate(size)
    seen = {digest.of_dump(path)}

    def change(at):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"x")
        before = len(seen)
        seen.add(digest.of_dump(path))
        return len(seen) > before

    step = (size - digest.MIB) / 65
    probed = [0, digest.MIB - 1, int(step) + 5, int(40 * step) + 1000, size - digest.MIB, size - 1]
    assert all(change(at) for at in probed)
    assert not change(digest.MIB + 1)
    os.truncate(path, size - 1)
    assert digest.of_dump(path) not in seen
    assert digest.of_dump(path).startswith(f"probe:{size - 1}:")

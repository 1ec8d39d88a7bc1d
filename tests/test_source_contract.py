"""What every source must do. A new one in kbtools/sources is picked up by itself; its sample is required.

A sample is a folder below data/sample with an `ingest.toml` that says what the command line would.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import random
import shutil
import tomllib
from pathlib import Path

import pyarrow.compute as pc
import pytest

from kbtools import api, plugins
from kbtools.artefact import manifest
from kbtools.cli.main import main
from kbtools.errors import KbError
from kbtools.kb.reader import Kb
from kbtools.sources import _stages
from tests.small_dump import files

SAMPLES = Path(__file__).parents[1] / "data" / "sample"
SOURCES = plugins.names(api.SOURCES)
FLAGS = {
    "name", "out", "onto", "ids_from", "expect", "max_rejects", "overwrite", "restart", "workers", "memory",
    "engine", "quiet", "json", "dumps", "overrides", "seed", "debug",
}  # fmt: skip
VOCABULARY = {
    ("entities", "kind"): "item property lexeme synset concept sememe entity relation",
    ("surfaces", "source"): "label alias title redirect anchor disambiguation lemma form exception term name "
    "user",
    ("descriptions", "kind"): "short gloss example abstract definition",
    ("redirects", "kind"): "merge title retired version",
    ("triples", "split"): "train valid test",
}


def recipe(name):
    folder = SAMPLES / name
    told = tomllib.loads((folder / "ingest.toml").read_text(encoding="utf-8"))
    settings = told.get("settings", {})
    return folder, [str(folder / dump) for dump in told["dumps"]], settings, told.get("onto")


def at_home(folder, value):
    """Settings that name files name them relative to the sample."""
    if isinstance(value, list):
        return tuple(at_home(folder, one) for one in value)
    return str(folder / value) if isinstance(value, str) and (folder / value).is_file() else value


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Return the knowledge base of a sample, each made once."""
    home = tmp_path_factory.mktemp("samples")

    @functools.cache
    def make(name):
        ingest(name, home / name, make)
        return home / name

    return make


def ingest(name, out, made, *, dumps=None, **options):
    folder, sample, settings, onto = recipe(name)
    settings = {key: at_home(folder, value) for key, value in settings.items()}
    base = made(onto) if onto else None
    return api.ingest(name, dumps or sample, out, onto=base, **options, **settings)


@pytest.mark.parametrize("name", SOURCES)
def test_the_sample_becomes_a_sound_knowledge_base(name, made, tmp_path):
    kb = made(name)
    found = manifest.read(kb, "kb")
    assert not found.incomplete
    assert found.counts["read"]
    assert found.counts["rejected"] == Kb(kb).rows("rejects")
    assert sum(table.rows for table in found.tables.values())
    assert all(table.rows for name, table in found.tables.items() if name not in {"rejects", "redirects"})
    report = api.verify(kb, deep=True)
    assert not report.problems, report.problems


@pytest.mark.parametrize("name", SOURCES)
def test_words_are_those_of_the_contract(name, made):
    kb = Kb(made(name))
    for (table, column), words in VOCABULARY.items():
        if kb.rows(table):
            said = pc.unique(kb.table(table, [column])[column].cast("string")).to_pylist()
            assert set(said) - {None} <= set(words.split())


@pytest.mark.parametrize("name", SOURCES)
def test_a_label_is_a_name(name, made):
    """What has names by which text may speak of it has its label among them; types and headings have none."""
    kb = Kb(made(name))
    if not kb.rows("entities"):
        pytest.skip("an overlay has no entities")
    entities = kb.table("entities", ["eid", "label"]).to_pylist()
    names = {(row["eid"], row["text"]) for row in kb.table("surfaces", ["eid", "text"]).to_pylist()}
    named = {eid for eid, _ in names}
    assert named
    missing = [
        e for e in entities if e["label"] and e["eid"] in named and (e["eid"], e["label"]) not in names
    ]
    assert not missing[:5]


@pytest.mark.parametrize("name", SOURCES)
def test_the_result_is_the_same_however_it_was_made(name, made, tmp_path, monkeypatch):
    monkeypatch.setattr(_stages, "SMALLEST", 700)
    monkeypatch.setattr(_stages, "PIECES", 30)
    small = ingest(name, tmp_path / "small", made)
    assert small.content == manifest.read(made(name)).content
    assert files(tmp_path / "small") == files(made(name))


@pytest.mark.parametrize("name", SOURCES)
def test_compressed_dumps_give_the_same(name, made, tmp_path):
    _, dumps, _, _ = recipe(name)
    packed = [str(pack(Path(dump), tmp_path / str(place))) for place, dump in enumerate(dumps)]
    again = ingest(name, tmp_path / "kb", made, dumps=packed)
    assert again.content == manifest.read(made(name)).content


def pack(dump, home):
    """Copy a dump, compressed where it is not, under its own name: some sources go by it."""
    if dump.is_dir() or dump.suffix in {".gz", ".bz2", ".parquet"}:
        return dump
    home.mkdir()
    data = dump.read_bytes()
    half = len(data) // 2
    (home / dump.name).write_bytes(gzip.compress(data[:half]) + gzip.compress(data[half:]))
    return home / dump.name


@pytest.mark.parametrize("name", SOURCES)
def test_a_later_release_keeps_the_numbers(name, made, tmp_path):
    if recipe(name)[3]:
        pytest.skip("an overlay has the numbers of its base")
    ingest(name, tmp_path / "next", made, ids_from=made(name))
    assert manifest.read(tmp_path / "next").id_space == manifest.read(made(name)).id_space
    old, new = (Kb(path).table("entities") for path in (made(name), tmp_path / "next"))
    assert old.equals(new)


@pytest.mark.parametrize("name", SOURCES)
def test_settings_become_flags_of_their_own(name):
    source = plugins.load(api.SOURCES, name).SOURCE
    assert dataclasses.fields(source.settings) is not None
    assert source.settings.__dataclass_params__.frozen
    assert {field.name for field in dataclasses.fields(source.settings)}.isdisjoint(FLAGS)
    assert all(field.metadata.get("help") for field in dataclasses.fields(source.settings))
    assert f"kbtools ingest {name}" in source.example
    assert source.licence.redistribute in {"yes", "no", "ask"}
    assert source.licence.source
    assert source.licence.licence


@pytest.mark.parametrize("name", SOURCES)
def test_wrong_inputs_are_refused_in_one_line(name, made, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing").write_bytes(b"")
    for wrong in ("missing", "empty", "nothing"):
        with pytest.raises(KbError) as refused:
            ingest(name, tmp_path / "kb", made, dumps=[str(tmp_path / wrong)])
        assert str(tmp_path / wrong) in str(refused.value) or wrong in str(refused.value)
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "kb").exists()


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("seed", range(3))
def test_noise_is_refused_or_rejected(name, seed, made, tmp_path):
    """Bytes that mean nothing never get a traceback, and never become entities."""
    noise = random.Random(seed).randbytes(5000)
    path = tmp_path / ("dump" + Path(recipe(name)[1][0]).suffix.replace(".gz", ""))
    path.write_bytes(noise if seed else noise.replace(b"\0", b"\n").hex().encode())
    found = told(name, tmp_path / "kb", made, [str(path)])
    if found is None:
        return
    entities = found.tables["entities"].rows if "entities" in found.tables else 0
    assert found.counts["rejected"] or not entities


def told(name, out, made, dumps):
    """Ingest what is not sound: a manifest, or None if it is refused in one line; never a traceback."""
    try:
        return ingest(name, out, made, dumps=dumps)
    except KbError as error:
        if "\n" in str(error):
            raise
    return None


@pytest.mark.parametrize("name", SOURCES)
def test_a_damaged_dump_is_told(name, made, tmp_path):
    """Each file of the sample is cut in the middle in turn: refused, or read as far as it goes."""
    _, dumps, _, _ = recipe(name)
    for place, dump in enumerate(map(Path, dumps)):
        whole = dump.is_dir()
        inner = [path for path in sorted(dump.rglob("*")) if path.is_file()][:12] if whole else [dump]
        for number, one in enumerate(inner):
            copy = tmp_path / f"{place}-{number}" / dump.name
            if whole:
                shutil.copytree(dump, copy)
            else:
                copy.parent.mkdir()
                shutil.copy(dump, copy)
            target = copy / one.relative_to(dump) if whole else copy
            target.write_bytes(one.read_bytes()[: one.stat().st_size // 2])
            told(name, copy.parent / "kb", made, [*dumps[:place], str(copy), *dumps[place + 1 :]])


@pytest.mark.parametrize("name", SOURCES)
def test_help_shows_the_example_and_the_flags(name):
    from click.testing import CliRunner  # noqa: PLC0415

    shown = CliRunner().invoke(main, ["ingest", name, "--help"])
    assert shown.exit_code == 0
    source = plugins.load(api.SOURCES, name).SOURCE
    for field in dataclasses.fields(source.settings):
        assert f"--{field.name.replace('_', '-')}" in shown.stdout
    assert f"kbtools ingest {name}" in shown.stdout

"""Dense indexes and what is wrong with their input: one line that says what, where, and what to do."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from kbtools.errors import ArtefactError, ConfigError, MissingExtraError
from kbtools.linkers.index import dense
from tests import tiny_kb

pytest.importorskip("faiss")

FLAT = dense.Settings()


class Made:
    """An encoder that gives what it is told to."""

    def __init__(self, vectors, dim=4, name="made"):
        self.vectors, self.dim, self.name = np.array(vectors, np.float32), dim, name

    def __call__(self, texts):
        return self.vectors[: len(texts)]


@pytest.fixture
def kb(tmp_path):
    entities = [tiny_kb.entity(eid, f"Q{eid}0", name) for eid, name in enumerate(["fox", "owl", "elk"])]
    return tiny_kb.write(tmp_path / "kb", {"entities": entities})


@pytest.fixture
def index(kb, tmp_path):
    dense.build(kb, tmp_path / "index", settings=FLAT)
    return tmp_path / "index"


def refused(kind, function, *args, **more):
    with pytest.raises(kind) as caught:
        function(*args, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("metric", ["cosine", "inner"])
def test_a_vector_that_is_no_number_is_named(kb, tmp_path, value, metric):
    vectors = np.ones((3, 4))
    vectors[1, 2] = value
    settings = dense.Settings(metric=metric)
    said = refused(ConfigError, dense.build, kb, tmp_path / "index", settings=settings, encoder=Made(vectors))
    assert "eid 1 (Q10, 'owl')" in said
    assert "NaN or infinite" in said


def test_numbers_that_halves_cannot_hold(kb, tmp_path):
    encoder = Made(np.full((3, 4), 1e6))
    settings = dense.Settings(metric="inner")
    said = refused(ConfigError, dense.build, kb, tmp_path / "index", settings=settings, encoder=encoder)
    assert "too large for float16 for eid 0" in said
    assert "float32" in said
    made = dense.build(
        kb, tmp_path / "other", settings=dense.Settings(metric="inner", raw="float32"), encoder=encoder
    )
    assert made.counts["encoded"] == 3


def test_vectors_of_zeros_are_counted_and_never_best(kb, tmp_path):
    encoder = Made([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
    made = dense.build(kb, tmp_path / "index", settings=FLAT, encoder=encoder)
    assert made.counts["zero vectors"] == 1
    assert "eid 1 (Q10, 'owl')" in made.notes["zero vectors"]
    found = dense.open_index(tmp_path / "index", encoder=encoder).search_vectors(np.eye(4)[:3], 1)
    assert found.eid.tolist()[:2] == [0, 2]


@pytest.mark.parametrize("shape", [(3, 5), (2, 4), (3,)])
def test_an_encoder_that_gives_another_shape(kb, tmp_path, shape):
    said = refused(
        ConfigError, dense.build, kb, tmp_path / "index", settings=FLAT, encoder=Made(np.ones(shape))
    )
    assert "not of 3 × 4" in said


def test_a_knowledge_base_without_texts(tmp_path):
    kb = tiny_kb.write(tmp_path / "kb", {"entities": [tiny_kb.entity(0, "Q1", None)]})
    said = refused(ArtefactError, dense.build, kb, tmp_path / "index", settings=FLAT)
    assert "none of its 1 entities has a label or a description" in said
    empty = tiny_kb.write(tmp_path / "empty", {"entities": []})
    assert "none of its 0" in refused(ArtefactError, dense.build, empty, tmp_path / "none", settings=FLAT)
    bare = tiny_kb.write(tmp_path / "bare", {"labels": []})
    assert "no entities" in refused(ArtefactError, dense.build, bare, tmp_path / "none", settings=FLAT)
    assert "no knowledge base" in refused(ConfigError, dense.build, [], tmp_path / "none", settings=FLAT)


def test_an_encoder_of_another_width_or_name(index):
    said = refused(ConfigError, dense.open_index, index, encoder=dense.HashingEncoder(768))
    assert "768 ≠ 384" in said
    with pytest.warns(UserWarning, match="was built with hashing-1-384, not with made"):
        dense.open_index(index, encoder=Made(np.ones((1, 384)), dim=384))


def test_an_encoder_that_must_be_handed_in(kb, tmp_path):
    dense.build(kb, tmp_path / "index", settings=FLAT, encoder=Made(np.eye(3, 4)))
    index = dense.open_index(tmp_path / "index")
    assert "hand it in" in refused(ConfigError, index.search, ["fox"])
    assert index.search(["fox"], 1, encoder=Made(np.eye(3, 4))).eid.tolist() == [0]
    assert index.search_vectors(np.eye(4)[2:3], 1).eid.tolist() == [2]


def test_queries_that_cannot_be(index):
    opened = dense.open_index(index)
    assert "k is 0" in refused(ConfigError, opened.search, ["fox"], 0)
    assert "3 ≠ 384" in refused(ConfigError, opened.search_vectors, np.ones((1, 3)))
    wrong = np.ones((2, 384))
    wrong[1, 0] = np.nan
    assert refused(ConfigError, opened.search_vectors, wrong).startswith("query 1:")
    assert opened.search([], 3).offsets.tolist() == [0]
    assert len(opened.search(["fox \ud800 \x00"], 10**6).eid) == 3


@pytest.mark.parametrize("name", ["index.faiss", "vectors.npy", "eids.npy"])
def test_damaged_files_are_refused_before_faiss_sees_them(index, name):
    path = index / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert f"{name}: damaged" in refused(ArtefactError, dense.open_index, index)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"{name}: damaged" in refused(ArtefactError, dense.open_index, index)
    path.unlink()
    assert f"{name}: gone" in refused(ArtefactError, dense.open_index, index)


def told(index, name, data):
    """Write a file and make the manifest tell of it, as one who means harm would."""
    from kbtools import artefact  # noqa: PLC0415

    (index / name).write_bytes(data)
    manifest = artefact.read(index)
    tables = {
        key: {
            "rows": table.rows,
            "schema": table.schema,
            "files": [
                {"path": file.path, "bytes": new.bytes, "digest": new.digest}
                for file in table.files
                for new in [artefact.entry(index, file.path)]
            ],
        }
        for key, table in manifest.tables.items()
    }
    tiny_kb.edit_manifest(index, tables=tables)


def test_foreign_files_are_refused(index, kb, tmp_path):
    whole = (index / "index.faiss").read_bytes()
    told(index, "index.faiss", b"nonsense")
    assert "begins with b'nons'" in refused(ArtefactError, dense.open_index, index)
    told(index, "index.faiss", whole[:-100])
    assert "faiss cannot read it" in refused(ArtefactError, dense.open_index, index)
    dense.build(kb, tmp_path / "small", settings=FLAT, encoder=dense.HashingEncoder(8))
    told(index, "index.faiss", (tmp_path / "small/index.faiss").read_bytes())
    assert "3 vectors of 8 numbers, not 3 of 384" in refused(ArtefactError, dense.open_index, index)
    told(index, "index.faiss", whole)
    told(index, "vectors.npy", b"\x93NUMPY junk")
    assert "vectors.npy: cannot be read" in refused(ArtefactError, dense.open_index, index)


def test_an_older_index_that_is_of_no_use(index, kb, tmp_path):
    def build(**more):
        return refused(ArtefactError, dense.build, kb, tmp_path / "new", base=index, **more)

    said = build(settings=FLAT, encoder=dense.HashingEncoder(8))
    assert "its encoder is hashing-1-384, not hashing-1-8; build without --base" in said
    assert "its raw is float16, not float32" in build(settings=dense.Settings(raw="float32"))
    tiny_kb.edit_manifest(index, settings={"kind": "fuzzy"})
    assert "not a dense index" in build(settings=FLAT)
    assert "kind 'fuzzy'" in refused(ArtefactError, dense.open_index, index)


def test_a_knowledge_base_is_no_index(kb):
    assert "a kb artefact, where an index is wanted" in refused(ArtefactError, dense.open_index, kb)


def test_without_faiss_the_extra_is_named(kb, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    said = refused(MissingExtraError, dense.build, kb, tmp_path / "index", settings=FLAT)
    assert "a dense index needs faiss" in said
    assert "kbtools[link]" in said


def test_settings_that_do_not_fit(kb, tmp_path):
    assert "probes is 0" in refused(ConfigError, dense.Settings, probes=0)
    settings = dense.Settings(search="ivf-pq")
    assert "needs 256 entities" in refused(
        ConfigError, dense.build, kb, tmp_path / "index", settings=settings
    )
    settings = dense.Settings(device="gpu", search="ivf-sq8")
    said = refused(ConfigError, dense.build, kb, tmp_path / "other", settings=settings)
    assert "faiss finds none" in said

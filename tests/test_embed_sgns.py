"""Vectors from running text: what is learned, by which gradients, and that it is the same every time."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kbtools.errors import ConfigError, KbError, SourceError  # noqa: E402
from kbtools.models.embedding import sgns  # noqa: E402
from kbtools.models.embedding.sgns import blocks, steps, training  # noqa: E402
from kbtools.models.embedding.sgns.tables import Tables  # noqa: E402
from kbtools.vectors import Vectors  # noqa: E402
from tests import tiny_kb, tiny_linked  # noqa: E402

STEMS = ["walk", "jump", "paint", "cook", "kiss", "push", "learn", "plant"]
SHORT = ["dim=16", "epochs=4", "least=1", "subsample=0", "lr=0.2"]


def lines(folder, texts, name="texts.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    return path


def clusters(many=1500):
    """Sentences of eight words that belong together: c0w3 is of cluster 0."""
    drawn = random.Random(1)
    return [
        " ".join(f"c{cluster}w{drawn.randrange(10)}" for _ in range(8))
        for cluster in (drawn.randrange(5) for _ in range(many))
    ]


def embed(texts, out, *more, **options):
    return sgns.embed(texts, out, overrides=[*SHORT, *more], **options)


def unit(array):
    found = np.asarray(array, np.float32)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def nearest(array):
    """Return which other row is nearest to each, by cosine."""
    scores = unit(array) @ unit(array).T
    np.fill_diagonal(scores, -2)
    return scores.argmax(1)


def test_words_of_a_cluster_are_neighbours(tmp_path):
    made = embed(lines(tmp_path, clusters()), tmp_path / "v")
    words: Any = Vectors(tmp_path / "v").words
    names = words.texts.to_pylist()
    assert len(names) == 50
    assert all(names[i][:2] == names[j][:2] for i, j in enumerate(nearest(words.array)))
    assert made.counts["kept words"] == 1500 * 8 == words.counts.sum()
    assert made.notes["losses"][-1] < made.notes["losses"][0]


def test_an_unseen_inflection_is_near_its_lemma(tmp_path):
    drawn = random.Random(2)
    texts = []
    for _ in range(2500):
        at = drawn.randrange(len(STEMS))
        around = [f"x{at}{drawn.choice('pqrst')}" for _ in range(4)]
        around[2:2] = [STEMS[at] + drawn.choice(["", "ed", "s"])]
        texts.append(" ".join(around))
    embed(lines(tmp_path, texts), tmp_path / "v", "subwords=true")
    found = Vectors(tmp_path / "v")
    words: Any = found.words
    assert found.manifest.settings["ngrams"] == {"buckets": len(words.ngrams.array), "min_n": 3, "max_n": 6}
    asked = words.look([f"{stem}ing" for stem in STEMS])
    assert asked.found.all()
    scores = unit(asked.array) @ unit(words.look(STEMS).array).T
    assert scores.argmax(1).tolist() == list(range(len(STEMS)))
    assert not words.look(["walking"], subwords=False).found.any()


def given(seed=0, size=blocks.CHUNK):
    drawn = np.random.default_rng(seed)
    line = np.sort(drawn.integers(0, 60, size))
    line[-20:] = blocks.NOWHERE
    context = drawn.integers(0, size - 20, (5, 4))
    context[0, 1:] = blocks.NOWHERE
    batch = blocks.Batch(
        drawn.integers(0, 30, size), line, drawn.integers(1, 3, size),
        drawn.integers(0, 30, (1, blocks.DRAWN)),
        drawn.integers(0, 4, 5), context, drawn.integers(0, 30, blocks.DRAWN),
        drawn.integers(0, 4, (6, 2)), drawn.integers(0, 4, blocks.DRAWN),
    )  # fmt: skip
    return steps.Given(*map(torch.from_numpy, batch))


def slow_loss(tables, batch, negatives):
    """Pair by pair, as the papers write it; what is drawn weighs as `negatives` of it would."""
    words, entities, contexts, neighbours = tables
    loss = torch.zeros((), dtype=torch.float64)
    log = torch.nn.functional.logsigmoid
    many = [0] * len(batch.word)
    for i, word in enumerate(batch.word.tolist()):
        for j, other in enumerate(batch.word.tolist()):
            near = 0 < abs(i - j) <= int(batch.window[i])
            if near and batch.line[i] == batch.line[j] and batch.line[i] != blocks.NOWHERE:
                loss = loss - log(words[word] @ contexts[other])
                many[i] += 1
    drawn = contexts[batch.drawn[0]]
    share = negatives / blocks.DRAWN
    loss = loss - (log(-words[batch.word] @ drawn.T).sum(1) * torch.tensor(many) * share).sum()
    for entity, places in zip(batch.entity.tolist(), batch.context.tolist(), strict=True):
        there = [batch.word[place] for place in places if place != blocks.NOWHERE]
        loss = loss - sum(log(entities[entity] @ contexts[word]) for word in there)
        loss = loss - log(-contexts[batch.drawn_context] @ entities[entity]).sum() * len(there) * share
    for head, tail in batch.pair.tolist():
        loss = loss - log(entities[head] @ neighbours[tail])
        loss = loss - log(-neighbours[batch.drawn_entity] @ entities[head]).sum() * share
    return loss


def test_a_step_follows_the_gradient_of_the_loss():
    tables = Tables(30, 4, 6, None, seed=1, device=torch.device("cpu"))
    drawn = torch.Generator().manual_seed(4)
    for one in (tables.inputs.words, tables.entities, tables.contexts, tables.neighbours):
        one.weights.copy_(torch.randn(one.weights.shape, generator=drawn) * 0.5)
    batch = given()
    named = ("words", "entities", "contexts", "neighbours")
    before: dict[str, Any] = {name: tables.tensors()[name].double().requires_grad_() for name in named}
    loss = slow_loss([before[name] for name in named], batch, 5)
    loss.backward()
    told = steps.step(tables, batch, steps.How(2, 5, 1.0), tell=True)
    assert told is not None
    # What an entity says of drawn words and of its neighbours is two moves of it: the second sees the first.
    assert float(told.loss) == pytest.approx(float(loss.detach()), rel=0.05)
    for name in ("words", "contexts"):
        gradient = before[name].grad
        size = gradient.square().mean(1, keepdim=True).sqrt()
        wanted = before[name].detach() - gradient / (size + 1e-10)
        wanted = torch.where(size > 0, wanted, before[name].detach())
        torch.testing.assert_close(tables.tensors()[name].double(), wanted, rtol=2e-3, atol=2e-4)
        torch.testing.assert_close(
            tables.tensors()[f"{name}.sum"].double(), gradient.square().mean(1), rtol=1e-3, atol=1e-5
        )


def test_the_same_comes_out_every_time_and_another_seed_gives_another(tmp_path):
    texts = lines(tmp_path, clusters(200))
    one, two, other = (
        embed(texts, tmp_path / f"v{i}", "epochs=2", "subwords=true", seed=seed).content
        for i, seed in enumerate([7, 7, 8])
    )
    assert one == two != other


@pytest.mark.parametrize("at", [1, 9, 20])
def test_a_training_that_broke_off_goes_on(tmp_path, monkeypatch, at):
    texts = lines(tmp_path, clusters(400))
    whole = embed(texts, tmp_path / "whole", "batch=256")
    done = 0
    step = training.Training._step

    def cut(self, coming, progress):
        nonlocal done
        done += 1
        if done == at + 1:
            raise KeyboardInterrupt
        step(self, coming, progress)

    monkeypatch.setattr(training, "EVERY", 0)
    with monkeypatch.context() as here:
        here.setattr(training.Training, "_step", cut)
        with pytest.raises(KeyboardInterrupt):
            embed(texts, tmp_path / "v", "batch=256")
    again = embed(texts, tmp_path / "v", "batch=256")
    assert again.content == whole.content
    assert len(again.notes["losses"]) == 4


def world(folder):
    """Entities 0 to 3 stand among words of cluster 0, 4 to 7 among those of 1; 8 and 9 are in no text."""
    entities = [tiny_kb.entity(i, f"E{i}", f"e{i}") for i in range(10)]
    ends = [(0, 8), (1, 8), (2, 8), (4, 9), (5, 9), (6, 9)]
    triples = [tiny_kb.triple(head, 0, tail, number) for number, (head, tail) in enumerate(ends)]
    tables = {"entities": entities, "relations": [{"rid": 0, "id": "P1"}], "triples": triples}
    tiny_kb.write(folder / "kb", tables)
    documents = []
    for number, text in enumerate(clusters(1000)):
        side = int(text[1]) % 2
        words = text.replace(text[:2], f"c{side}").split()
        name = f"Name{random.Random(number).randrange(4) + 4 * side}"
        told = " ".join([*words[:4], name, *words[4:]])
        at = told.index(name)
        found = [tiny_linked.mention(at, at + 5, int(name[4:]))]
        documents.append(tiny_linked.document(str(number), told, found))
    return tiny_linked.write(folder / "linked", [folder / "kb"], documents)


def test_entities_are_near_the_words_around_their_mentions(tmp_path):
    made = embed(world(tmp_path), tmp_path / "v")
    found: Any = Vectors(tmp_path / "v")
    assert found.eids().tolist() == list(range(8))
    assert [ref.name for ref in made.kbs] == ["tiny"]
    assert made.counts["mentions"] == 1000
    assert [neighbour // 4 for neighbour in nearest(found.array)] == [0] * 4 + [1] * 4
    for side in (0, 1):
        words = found.words.look([f"c{side}w{i}" for i in range(10)])
        scores = unit(found.array) @ unit(words.array).T
        assert (scores[4 * side : 4 * side + 4].mean() > scores.mean()).all()
    assert found.words.look(["name3"]).found.all()  # words of a mention stay words


def test_with_a_knowledge_base_neighbours_have_vectors_too(tmp_path):
    made = embed(world(tmp_path), tmp_path / "v", "graph=20", kbs=[tmp_path / "kb"])
    found = Vectors(tmp_path / "v")
    assert found.eids().tolist() == list(range(10))
    assert made.counts["pairs of neighbours"] == 6
    assert {one.kind for one in made.inputs} == {"linked", "kb"}
    assert np.isfinite(found.array).all()
    scores = unit(found.array) @ unit(found.array).T
    assert scores[[0, 1, 2], 8].mean() > scores[[4, 5, 6], 8].mean()


def test_float16_and_fewer_words(tmp_path):
    made = embed(
        lines(tmp_path, clusters(100)), tmp_path / "v", "numbers=float16", "most=7", "subsample=0.01"
    )
    found: Any = Vectors(tmp_path / "v")
    assert (len(found.words), found.words.array.dtype, found.array.shape) == (7, np.float16, (0, 16))
    assert made.counts["different words"] == 50


@pytest.mark.parametrize(
    ("texts", "more", "error", "told"),
    [
        ([], [], SourceError, "is empty"),
        (["", "… !"], [], ConfigError, "no words in its 2 documents"),
        (["a b b"], ["least=3"], ConfigError, "none of its 2 different words stands there 3 times"),
        (["a b"], ["epochs=0"], ConfigError, "epochs is 0; it is 1 or more"),
        (["a b"], ["min_n=5", "max_n=4"], ConfigError, "max_n is 4; it is from 5 to 100"),
        (["a b"], ["windw=2"], ConfigError, "did you mean 'window'"),
        (["a b"], ["device=cuda:77"], ConfigError, "device 'cuda:77' is not there"),
        (None, [], SourceError, "no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_refused_in_a_line(tmp_path, texts, more, error, told):
    path = tmp_path / "none.jsonl" if texts is None else lines(tmp_path, texts)
    with pytest.raises(error, match=told) as found:
        embed(path, tmp_path / "v", *more)
    assert "\n" not in str(found.value)
    assert not (tmp_path / "v").exists()
    assert not Path(f"{tmp_path / 'v'}.partial").exists()


def test_several_knowledge_bases_need_a_word(tmp_path):
    for name in ("one", "two"):
        tiny_kb.write(tmp_path / name, tiny_kb.world(), name=name)
    linked = tiny_linked.write(
        tmp_path / "linked", [tmp_path / "one", tmp_path / "two"], [tiny_linked.document("a", "b c b c", [])]
    )
    with pytest.raises(ConfigError, match="linked to one, two; say with --kb KB"):
        embed(linked, tmp_path / "v")
    assert embed(linked, tmp_path / "v", kbs=[tmp_path / "two"]).kbs[0].name == "two"
    tiny_kb.write(tmp_path / "three", tiny_kb.world(), name="three")
    with pytest.raises(KbError, match="no candidates of 'three' here"):
        embed(linked, tmp_path / "w", kbs=[tmp_path / "three"])

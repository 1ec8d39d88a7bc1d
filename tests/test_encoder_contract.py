"""Whatever touches a text encoder runs on encoders of all kinds; a body may say in one line why not.

Parts, heads and bodies are found by their files: a new one without a way to run it here fails.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from kbtools import config, plugins  # noqa: E402
from kbtools.errors import KbError  # noqa: E402
from kbtools.models.parts import pooling  # noqa: E402
from kbtools.models.parts.encoder import TextEncoder  # noqa: E402
from kbtools.models.parts.fusion import Entities, Fused  # noqa: E402
from kbtools.models.parts.heads import base as heads  # noqa: E402
from kbtools.models.parts.kar import Kar  # noqa: E402
from kbtools.models.parts.linking import Linker, Mentions  # noqa: E402
from kbtools.models.parts.norms import UerNorm, as_uer  # noqa: E402
from kbtools.models.parts.visibility import Visibility  # noqa: E402
from kbtools.models.training.setup import ZOO  # noqa: E402
from kbtools.models.zoo.base import Given  # noqa: E402
from tests import small_kar, tiny_encoders  # noqa: E402

PARTS = "kbtools.models.parts"
B, T = 2, 12
PLACES = torch.tensor([0, 4, T + 1])  # in the flattened B·T
SPANS = torch.tensor([[[1, 3], [4, 5]], [[0, 2], [5, 9]]])
CLASSES = {"classes": ["a", "b", "c"]}


def batch_of(encoder):
    ids = torch.arange(5, 5 + B * T).view(B, T)
    valid = torch.ones(B, T, dtype=torch.bool)
    ids[1, 10:], valid[1, 10:] = encoder.config.pad_token_id, False
    return {"input_ids": ids, "attention_mask": valid, "segment": torch.zeros(B, T, dtype=torch.int8)}


def run_encoder(encoder, batch):
    out = encoder(batch, layers=True, between=lambda _, hidden: hidden * 1.5)
    assert len(out.hidden_states) == encoder.depth + 1
    again = encoder(batch, between=lambda _, hidden: hidden)
    assert torch.equal(again.hidden, encoder(batch).hidden)
    return out.hidden


def run_visibility(encoder, batch):
    branch, word = torch.zeros(B, T, dtype=torch.long), torch.arange(T).expand(B, T).clone()
    branch[:, 4:6], word[:, 4:6] = 1, 3
    told = batch | {"branch": branch, "word": word}
    hidden = encoder(told, visible=Visibility.of_batch(told)).hidden
    assert not torch.equal(hidden, encoder(batch).hidden)
    return hidden


def run_pooling(encoder, batch):
    hidden, told = encoder(batch).hidden, batch | {"batch.rows": torch.arange(B)}
    spans = [pooling.SpanPooling(kind, encoder.width) for kind in pooling.SPANS]
    made = [one(hidden, SPANS, torch.ones(B, 2, dtype=torch.bool)) for one in spans]
    assert [one.shape for one in made] == [(B, 2, one.width) for one in spans]
    made += [pooling.SentencePooling(kind)(hidden, told) for kind in pooling.SENTENCES]
    return torch.cat([one.flatten() for one in made])


def run_kar(encoder, batch):
    made = Kar(small_kar.table(), encoder.width, small_kar.settings(), 0.0).eval()
    mentions = Mentions.of(small_kar.batch(), "wiki")
    read = encoder(batch, between=lambda at, hidden: hidden if at else made(hidden, mentions, batch)[0])
    assert not torch.equal(read.hidden, encoder(batch).hidden)
    return read.hidden


def run_linking(encoder, batch):
    made = Linker(small_kar.table(), encoder.width, small_kar.settings(), 0.0).eval()
    mentions: Any = Mentions.of(small_kar.batch(), "wiki")
    return made(encoder(batch).hidden, mentions).scores[mentions.eids >= 0]


def run_fusion(encoder, batch):
    made = Fused(encoder.config, ("mix", "norm"), width=8, heads=2).eval()
    there = torch.zeros(B, T, dtype=torch.bool)
    there[:, 2] = True
    entities = Entities.of(batch, torch.randn(B, T, 8), there)
    hidden = encoder(batch, instead=made.run(entities)).hidden
    assert not torch.equal(hidden, encoder(batch).hidden)
    return hidden


def run_norms(encoder, batch):
    before = encoder(batch).hidden
    as_uer(encoder)
    assert not any(type(one) is torch.nn.LayerNorm for one in encoder.modules())
    assert any(type(one) is UerNorm for one in encoder.modules())
    hidden = encoder(batch).hidden
    assert not torch.equal(hidden, before)
    return hidden


def head(kind, **settings):
    def run(encoder, batch):
        made = heads.build({"kind": kind, **settings}, encoder.config).eval()
        return HEADS_ON[kind](made, encoder(batch).hidden, encoder.words, batch["attention_mask"])

    return run


HEADS_ON = {
    "lm": lambda made, hidden, words, _: made(hidden.flatten(0, 1)[PLACES], words),
    "pooler": lambda made, hidden, *_: made(hidden[:, 0]),
    "classes": lambda made, hidden, *_: made(hidden[:, 0]),
    "tokens": lambda made, hidden, *_: made(hidden),
    "span": lambda made, hidden, _, valid: made(hidden, valid).start[valid],
    "pair": lambda made, hidden, *_: made(hidden[:, 1], hidden[:, 2]),
    "markers": lambda made, hidden, *_: made(hidden, PLACES[None, :2]),
    "entity": lambda made, hidden, *_: made(hidden.flatten(0, 1)[PLACES]),
    "relations": lambda made, hidden, *_: hidden[:, 0] + made(torch.tensor([0, 2])) - hidden[:, 1],
    "pointer": lambda made, hidden, _, valid: made(hidden, valid)[valid],
}
TOLD: dict[str, Any] = {
    **dict.fromkeys(("classes", "tokens", "pair", "markers"), CLASSES),
    "relations": {"ids": ["P1", "P2", "P3"]},
}
RUNS = {
    "encoder": run_encoder,
    "visibility": run_visibility,
    "pooling": run_pooling,
    "kar": run_kar,
    "linking": run_linking,
    "fusion": run_fusion,
    "norms": run_norms,
    **{f"heads.{kind}": head(kind, **TOLD.get(kind, {})) for kind in HEADS_ON},
}
FUSED = {kind: f"cannot be fused into layers of {kind}" for kind in ("deberta-v2", "modernbert")}
REFUSED = {  # part or body → kind of encoder → why: nothing else may be refused
    "fusion": FUSED,
    "ernie_thu": FUSED,
    "ernie_baidu": {
        "roberta": "has 1; set",
        "xlm-roberta": "has 1; set",
        "deberta-v2": "has 0; set",
        "modernbert": "has 0; set",
    },
}
SETTINGS: dict[str, Any] = {
    "ernie_thu": {"layers": ["mix", "norm"]}
}  # of a body that by itself needs more layers
WITHOUT = {
    "alignment",
    "families",
    "heads",
    "tables",
}  # they see no states of an encoder, or are named one by one


def found():
    """Name all parts that there are."""
    parts = {*plugins.names(PARTS)} - WITHOUT
    return sorted(parts | {f"heads.{kind}" for kind in plugins.names(heads.PACKAGE)})


@contextmanager
def refused(why):
    """Expect one line that says why."""
    with pytest.raises(KbError, match=why) as told:
        yield
    assert "\n" not in str(told.value)


@pytest.fixture(params=tiny_encoders.NAMES)
def encoder(request):
    torch.manual_seed(0)
    return TextEncoder(tiny_encoders.config(request.param)).eval()


@pytest.mark.parametrize("part", found())
def test_a_part_runs_on_every_kind_of_encoder(part, encoder):
    if why := REFUSED.get(part, {}).get(encoder.config.model_type):
        with refused(why):
            RUNS[part](encoder, batch_of(encoder))
        return
    out = RUNS[part](encoder, batch_of(encoder))
    assert torch.isfinite(out).all()
    out.square().sum().backward()
    moved = [name for name, one in encoder.named_parameters() if one.grad is not None and one.grad.any()]
    assert any("layer" in name for name in moved)
    assert encoder.words.grad is not None


@pytest.mark.parametrize("name", plugins.names(ZOO))
def test_a_body_is_built_of_every_kind_of_encoder_or_says_why_not(name, encoder):
    zoo, kind = plugins.load(ZOO, name), encoder.config.model_type
    settings = config.build(zoo.Settings, SETTINGS.get(name, {}), where=name)
    if why := REFUSED.get(name, {}).get(kind):
        with refused(why):
            zoo.build(settings, Given(encoder.config))
        return
    body = zoo.build(settings, Given(encoder.config)).eval()
    assert torch.isfinite(body(batch_of(encoder)).hidden).all()


def test_an_encoder_of_no_known_kind_is_refused_in_one_line():
    from transformers import GPT2Config  # noqa: PLC0415

    with refused("gpt2"):
        TextEncoder(GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=10))

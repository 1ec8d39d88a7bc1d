"""Between models and the slow versions of them: weights under other names, and slopes by small steps."""

from __future__ import annotations

import re

import numpy as np
import torch

from tests.slow_transformer import under

STEP = 1e-5
_LAYER = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention.norm",
    "intermediate.dense": "feed.up",
    "output.dense": "feed.down",
    "output.LayerNorm": "feed.norm",
}
_EMBEDDINGS = {
    "word_embeddings.weight": "words",
    "position_embeddings.weight": "positions",
    "token_type_embeddings.weight": "segments",
    "LayerNorm.weight": "norm.weight",
    "LayerNorm.bias": "norm.bias",
}
_UER = {
    r"embedding\.word_embedding\.weight": "embeddings.words",
    r"embedding\.position_embedding\.weight": "embeddings.positions",
    r"embedding\.segment_embedding\.weight": "embeddings.segments",
    r"embedding\.layer_norm": "embeddings.norm",
    r"encoder\.transformer\.(\d+)": r"layers.\1",
    r"self_attn\.linear_layers\.0": "attention.query",
    r"self_attn\.linear_layers\.1": "attention.key",
    r"self_attn\.linear_layers\.2": "attention.value",
    r"self_attn\.final_linear": "attention.output",
    r"layer_norm_1": "attention.norm",
    r"feed_forward\.linear_1": "feed.up",
    r"feed_forward\.linear_2": "feed.down",
    r"layer_norm_2": "feed.norm",
    r"\.gamma$": ".weight",
    r"\.beta$": ".bias",
}


def arrays(module):
    """Return all weights of a module as arrays that may be changed."""
    return {name: one.detach().numpy().astype(np.float64) for name, one in module.state_dict().items()}


def renamed(weights, names):
    """Give prefixes other names; what has none is left out."""
    return {
        new + name[len(old) :]: one
        for name, one in weights.items()
        for old, new in names.items()
        if name == old or name.startswith(old + ".")
    }


def layer_of_bert(weights):
    """One of transformers' layers of BERT."""
    return renamed(weights, _LAYER)


def of_bert(weights):
    """Embeddings and layers of BERT."""
    found = {
        f"embeddings.{name}": one for name, one in renamed(under(weights, "embeddings"), _EMBEDDINGS).items()
    }
    for number in {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}:
        of_layer = layer_of_bert(under(weights, f"encoder.layer.{number}"))
        found |= {f"layers.{number}.{name}": one for name, one in of_layer.items()}
    return found


def of_uer(weights):
    """Names of UER, in which K-BERT's own weights are told."""
    found = {}
    for name, one in weights.items():
        for old, new in _UER.items():
            name = re.sub(old, new, name)  # noqa: PLW2901
        found[name] = np.asarray(one, dtype=np.float64)
    return found


def stirred(module, seed, spread=0.3):
    """Make a module one of float64 whose weights, biases and norms are all of some size."""
    module = module.double().eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, one in module.named_parameters():
            mean = 1.0 if one.dim() == 1 and name.endswith("weight") else 0.0
            one.copy_(mean + spread * torch.randn(one.shape, generator=random, dtype=torch.float64))
    return module


def slopes(value, array, places):
    """The slope of `value()` by one number of an array after the other, by small steps."""
    found = []
    for place in places:
        kept = array[place]
        array[place] = kept + STEP
        up = value()
        array[place] = kept - STEP
        down = value()
        array[place] = kept
        found.append((up - down) / (2 * STEP))
    return np.array(found)


def some_places(array, seed, many=3):
    """A few places of an array."""
    random = np.random.default_rng(seed)
    return [tuple(int(random.integers(size)) for size in array.shape) for _ in range(many)]


_ATTENDING = {
    "query": "attention.query",
    "key": "attention.key",
    "value": "attention.value",
    "dense": "attention.output",
    "norm": "attention.norm",
    "up": "feed.up",
    "down": "feed.down",
    "last_norm": "feed.norm",
}
_KAR = {
    "linker.into": "down",
    "linker.pool.score": "score",
    "linker.norm": "pool_norm",
    "linker.candidates.norm": "entity_norm",
    "linker.candidates.hidden": "hidden",
    "linker.score.0": "scorer.0",
    "linker.score.2": "scorer.1",
    "norm": "mixed_norm",
    "out": "up",
    "out_norm": "out_norm",
    "null": "null",
}
_FUSION = {"inner": "fusion.entity", "outer": "fusion.entity_out", "norm": "fusion.entity_norm"}
_AGGREGATOR = {"feed.up": "fusion.token", "feed.down": "fusion.token_out", "feed.norm": "fusion.token_norm"}


def of_kar(weights):
    """A part that reads a knowledge base."""
    found = renamed(weights, _KAR)
    for old, new in (("linker.spans", "span"), ("words", "recontextualise")):
        found |= {f"{new}.{name}": one for name, one in renamed(under(weights, old), _ATTENDING).items()}
    return found


def of_block(layer, fusion):
    """A layer of the encoder, and what entities need beside it: nothing, in layers of tokens alone."""
    mine = layer_of_bert(layer)
    if not fusion:
        return mine
    entities = under(layer_of_bert(fusion), "attention")
    among = {f"entities.{name}": one for name, one in entities.items()}
    return renamed(mine, _AGGREGATOR | {"attention": "attention"}) | renamed(fusion, _FUSION) | among

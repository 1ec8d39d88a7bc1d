"""A dense index: entities found by what their texts mean, with vectors from any encoder, searched by faiss.

    kb ──texts──▶ text of each entity ──encoder──▶ vectors.npy ──faiss──▶ index.faiss

The encoder is handed in, a function from texts to an array; without one, words and character n-grams are
hashed (`hashing_encoder.py`), which needs no model and knows no meanings.

| file | what |
|---|---|
| ids.parquet | row u32 · kb u8 · eid u32 · digest u64 of the text (its MD5's lower half), by kb and eid |
| vectors.npy | the vectors, float16 or float32, in that order |
| index.faiss | the search structure over them |
| eids.npy, kbs.npy | kb and eid again, to be mapped into memory; no kbs.npy with one knowledge base |

Scores are exact: what faiss finds is compared with the query once more by the vectors kept.
"""

from kbtools.linkers.index.dense.building import build
from kbtools.linkers.index.dense.encoders import Encoder
from kbtools.linkers.index.dense.hashing_encoder import HashingEncoder
from kbtools.linkers.index.dense.reading import DenseIndex, open_index
from kbtools.linkers.index.dense.settings import Settings

__all__ = ["DenseIndex", "Encoder", "HashingEncoder", "Settings", "build", "open_index"]

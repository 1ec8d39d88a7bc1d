"""Tiny random encoders with a tokenizer, and what transformers makes of a text alone."""

from __future__ import annotations

import json
import shutil

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from kbtools.features import Features
from kbtools.models.features.stage import encode
from tests import tiny_encoders, tiny_tokenizer

WINDOW = 62  # tokens of text in a row of the tiny encoders


def model(folder, name="bert", **changes):
    """Save an encoder with random weights, and the tokenizer of the tiny world."""
    tokenizer = tiny_tokenizer.path(size=600)
    size = tiny_tokenizer.loaded(size=600).size
    config = tiny_encoders.config(name, vocab_size=size, **{"pad_token_id": 0, **changes})
    torch.manual_seed(3)
    AutoModel.from_config(config).eval().save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (tokenizer / file).is_file():
            shutil.copyfile(tokenizer / file, folder / file)
    return folder


def corpus(folder, *documents):
    """Write documents as JSON Lines; a text is one without more."""
    path = folder / "texts.jsonl"
    told = [one if isinstance(one, dict) else {"text": one} for one in documents]
    lines = [json.dumps({"id": f"d{at}", **one}, ensure_ascii=False) for at, one in enumerate(told)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def made(folder, texts, model, name="made", **options):
    encode(texts, folder / name, model=model, **options)
    return Features(folder / name)


def rows(features):
    """Return the places, as tuples, and the vectors."""
    places = [tuple(one[name] for name in ("doc_id", "start", "end")) for one in features.places.to_pylist()]
    return places, features.array


class Slow:
    """One text at a time, with nothing but transformers."""

    def __init__(self, folder):
        self.model = AutoModel.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def states(self, text):
        """Return the states of all layers, [L + 1, T, H], of a text with its special tokens."""
        return self.run(self.tokenizer(text)["input_ids"])

    def run(self, ids):
        with torch.no_grad():
            given = torch.tensor([ids])
            out = self.model(given, attention_mask=torch.ones_like(given), output_hidden_states=True)
        return torch.stack(out.hidden_states)[:, 0].numpy()

    def windows(self, text, size, step):
        """Return the last states of a long text's tokens: each from the window whose middle is nearest."""
        ids = self.tokenizer(text)["input_ids"]
        first, *inner, last = ids
        starts = [0]
        while starts[-1] + size < len(inner):
            starts.append(min(starts[-1] + step, len(inner) - size))
        states = [self.run([first, *inner[at : at + size], last])[-1] for at in starts]
        found = []
        for token in range(len(inner)):
            away = [abs(token + 0.5 - (at + size / 2)) for at in starts]
            nearest = max(at for at in range(len(starts)) if away[at] == min(away))
            found.append(states[nearest][1 + token - starts[nearest]])
        return np.stack(found), [(states[at][0], at) for at in range(len(starts))]

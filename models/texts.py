"""Texts to vectors with any transformers encoder, or a folder of a sentence-embedding model.

    texts ─tokens─▶ encoder ─[B, T, H]─▶ pooling ─[B, H]─▶ (dense layers) ─▶ (length 1)

Weights are read from safetensors alone; code that comes with a model is never run. A folder laid out as
sentence-transformers does (`modules.json`) says itself how its vectors are pooled and what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from kbtools.artefact import digest
from kbtools.errors import ConfigError
from kbtools.models import hub
from kbtools.models.sentence_folders import Layout, find_layout

Pooling = Literal["mean", "cls", "max"]
LONGEST = 512  # tokens, where a model does not say


class TextEncoder:
    """One vector for each text; the same, up to rounding, whatever it is encoded with."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        name: str,
        pooling: Pooling = "mean",
        after: Sequence[Callable[[Tensor], Tensor]] = (),
        max_length: int | None = None,
        batch: int = 64,
    ) -> None:
        if pooling not in get_args(Pooling):
            raise ConfigError(f"pooling {pooling!r}: it is {', '.join(get_args(Pooling))}")
        if batch < 1:
            raise ConfigError(f"batch is {batch}; it is 1 or more")
        self.model, self.tokenizer, self.pooling, self.after = model.eval(), tokenizer, pooling, list(after)
        self.batch, self.max_length = batch, _longest(model, tokenizer, max_length)
        self.device = next(model.parameters()).device
        self.name = name
        self.dim = int(self(["a"]).shape[1])

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        pooling: Pooling | None = None,
        max_length: int | None = None,
        batch: int = 64,
        device: str | None = None,
    ) -> TextEncoder:
        """Load a local folder or a model of the hub, without bars and chatter.

        Where they are not given, pooling and length are what the folder says, else mean and what the model
        takes. The encoder's name tells its weights and settings apart from any others.
        """
        where = str(name)
        with hub.quiet():
            folder = hub.find_folder(where)
            layout = find_layout(folder) or Layout(str(folder))
            try:
                tokenizer = AutoTokenizer.from_pretrained(layout.transformer, trust_remote_code=False)
                model = AutoModel.from_pretrained(
                    layout.transformer, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
                )
            except Exception as error:  # transformers and safetensors have many ways to refuse a file
                raise ConfigError(_not_loaded(where, folder, error)) from error
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        made = cls(
            model,
            tokenizer,
            name="",
            pooling=pooling or layout.pooling,  # type: ignore[arg-type]  # looked at by the constructor
            after=[
                layer.to(model.device) if isinstance(layer, nn.Module) else layer for layer in layout.after
            ],
            max_length=max_length or layout.max_length,
            batch=batch,
        )
        made.name = f"{Path(where).name}@{made.digest()[:12]}"
        return made

    def digest(self) -> str:
        """Digest all that decides the vectors: weights, words, pooling, length."""
        layers = [self.model, *(layer for layer in self.after if isinstance(layer, nn.Module))]
        weights = [
            [key, list(value.shape), digest.of_bytes(value.detach().cpu().contiguous().numpy().tobytes())]
            for layer in layers
            for key, value in layer.state_dict().items()
        ]
        after = [getattr(layer, "__name__", type(layer).__name__) for layer in self.after]
        words = self.tokenizer.backend_tokenizer.to_str() if self.tokenizer.is_fast else repr(self.tokenizer)
        return digest.of_json(
            [weights, after, digest.of_bytes(words.encode()), self.pooling, self.max_length]
        )

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, those of like length together; [n, dim]."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        clean = [
            text.encode("utf-8", "replace").decode() for text in texts
        ]  # the tokenizer takes no surrogates
        order = np.argsort(np.fromiter(map(len, clean), np.int64, len(clean)), kind="stable")
        parts = [
            self._encode([clean[at] for at in order[first : first + self.batch].tolist()])
            for first in range(0, len(clean), self.batch)
        ]
        found = np.concatenate(parts)
        made = np.empty_like(found)
        made[order] = found
        return made

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        ).to(self.device)
        hidden = self.model(**tokens).last_hidden_state  # [B, T, H]
        vectors = pool(hidden, tokens["attention_mask"], self.pooling)  # [B, H]
        for layer in self.after:
            vectors = layer(vectors)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)


def pool(hidden: Tensor, mask: Tensor, how: Pooling) -> Tensor:
    """Make one vector of a text's tokens, those of padding apart: [B, T, H], [B, T] → [B, H]."""
    if how == "cls":
        first = mask.argmax(dim=1)  # padding may stand on the left
        return hidden[torch.arange(len(hidden), device=hidden.device), first]
    there = mask.unsqueeze(-1).to(hidden.dtype)  # [B, T, 1]
    if how == "max":
        return hidden.masked_fill(there == 0, -torch.inf).amax(dim=1)
    return (hidden * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)


def _longest(model: nn.Module, tokenizer: Any, asked: int | None) -> int:
    """Return how many tokens a text may have: what is asked, but no more than the model has places for."""
    if asked is not None and asked < 3:
        raise ConfigError(f"max_length is {asked}; it is 3 or more")
    config: Any = getattr(model, "config", None)
    places = getattr(config, "max_position_embeddings", None) or 1 << 30
    if getattr(config, "model_type", "") in {"roberta", "xlm-roberta", "camembert", "mpnet", "longformer"}:
        places -= 2  # their places begin after that of padding
    limit = min(places, tokenizer.model_max_length)
    return int(min(asked or (limit if limit < 1 << 20 else LONGEST), limit))


def _not_loaded(name: str, folder: Path, error: Exception) -> str:
    """Say in one line why a model cannot be loaded, and what helps."""
    if not list(folder.rglob("*.safetensors")):
        return f"{name}: no weights in safetensors; load it where it is trusted and save it again"
    said = " ".join(str(error).split()).partition(". ")[0][:200]
    return f"{name}: not a model that transformers can load: {said}"

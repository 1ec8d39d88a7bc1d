"""What can be said about a dense index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kbtools.config import setting
from kbtools.errors import ConfigError
from kbtools.linkers.index.dense.template import check

Kind = Literal["flat", "hnsw", "ivf-sq8", "ivf-pq"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How entities become texts, and how their vectors are searched."""

    template: str = setting(
        "The text of an entity; what it lacks is left out with the brackets around it.",
        "{label} ({types}): {description}",
    )
    lang: str | None = setting("The language of texts, where the knowledge base has it.  [its own]", None)
    types: int = setting("Names of types in a text.", 3)
    max_chars: int = setting("Characters of a text.", 1000)
    query_prefix: str = setting("What the encoder wants before a query, such as 'query: '.", "")
    metric: Literal["cosine", "inner"] = setting(
        "What near means: angle, or inner product as it is.", "cosine"
    )
    search: Literal["auto", "flat", "hnsw", "ivf-sq8", "ivf-pq"] = setting(
        "flat compares with all; hnsw is fast, ivf-sq8 smaller, ivf-pq smallest; auto goes by size.", "auto"
    )
    raw: Literal["float16", "float32"] = setting("How vectors are kept.", "float16")
    flat_up_to: int = setting("Entities up to which auto is flat,", 50_000)
    hnsw_up_to: int = setting("hnsw,", 1_000_000)
    sq8_up_to: int = setting("and ivf-sq8; ivf-pq beyond.", 20_000_000)
    links: int = setting("hnsw: links of a vector (M).", 32)
    ef_construction: int = setting("hnsw: candidates looked at when a vector is put in.", 200)
    recall: float = setting("recall@10 for which hnsw and ivf look at up to 8 times as much.", 0.95)
    ef_search: int = setting("hnsw: candidates looked at in a search.", 64)
    lists: int = setting("ivf: lists that vectors are put in.  [0: by size]", 0)
    probes: int = setting("ivf: lists looked at in a search.", 32)
    code_bytes: int = setting("ivf-pq: bytes of a vector.  [0: one for eight numbers]", 0)
    rerank: int = setting("ivf-pq: hits of a query that are compared again by their own vectors.", 100)
    sample: int = setting("Queries by which recall is measured.", 500)
    seed: int = setting("For what is drawn by chance.", 0)
    block: int = setting("Texts encoded before they are saved.", 8192)
    device: Literal["auto", "cpu", "gpu"] = setting("Where faiss trains: a GPU if there is one.", "auto")

    def __post_init__(self) -> None:
        check(self.template)
        for name in ("max_chars", "links", "ef_construction", "ef_search", "probes", "rerank", "block"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 1 or more")
        if not 0 <= self.recall <= 1:
            raise ConfigError(f"recall is {self.recall}; it is 0 to 1")
        for name in ("types", "lists", "code_bytes", "sample", "flat_up_to", "hnsw_up_to", "sq8_up_to"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it is 0 or more")

    def kind(self, rows: int) -> Kind:
        """Choose how `rows` vectors are searched."""
        if self.search != "auto":
            return self.search
        if rows <= self.flat_up_to:
            return "flat"
        if rows <= self.hnsw_up_to:
            return "hnsw"
        return "ivf-sq8" if rows <= self.sq8_up_to else "ivf-pq"

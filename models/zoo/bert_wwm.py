"""BERT with whole-word masking: the body of BERT, other masks (Cui et al. 2019).

Which tokens are words is told by the shards (`word_start`), Chinese words by a segmenter. Weights, vocabulary
and use are those of BERT: what reads one reads the other, and no segmenter is needed for fine-tuning.
"""

from __future__ import annotations

from kbtools.models.zoo.bert import Settings, build

__all__ = ["Settings", "build"]

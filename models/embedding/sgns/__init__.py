"""Vectors of words and entities from what stands around them: skip-gram with negative sampling.

A word is to tell the words around it from words that were drawn (Mikolov et al. 2013):

    L = −Σ_c log σ(v_w · u_c) − k · E_n log σ(−v_w · u_n)        n drawn by count^0.75

    corpus ──reading──▶ words of each piece ──vocabulary──▶ rows ──blocks──▶ batches ──steps──▶ tables

With subwords v_w is the mean of the word's own row and of those of its n-grams (Bojanowski et al. 2017).
An entity that is mentioned is to tell the words around its mention, and one of a knowledge base its
neighbours, in the same space (Yamada et al. 2016). Of both kinds the rows v are what is kept.
"""

from kbtools.models.embedding.sgns.settings import Settings
from kbtools.models.embedding.sgns.stage import embed

__all__ = ["TAKES", "Settings", "embed"]

TAKES = frozenset({"corpus_settings", "seed", "workers"})  # options of `embed` beside the common ones

"""A transformer's layers as their formulas stand in the papers: one position after the other, in float64.

Weights are dicts of arrays, `NAME.weight` [out, in] and `NAME.bias`; states are lists of vectors. A position
that may see nothing has no attention: asking for it is an error, so whoever asks says what happens there.
"""

from __future__ import annotations

import math

import numpy as np


def under(weights, prefix):
    """Return the weights whose names begin with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: one for name, one in weights.items() if name.startswith(prefix + ".")}


def linear(x, weights, name):
    """y_o = Σ_i W_oi x_i + b_o."""
    matrix, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    return np.array(
        [
            math.fsum(row[i] * x[i] for i in range(len(x))) + (0.0 if bias is None else bias[o])
            for o, row in enumerate(matrix)
        ]
    )


def gelu(x):
    """x Φ(x), by the error function."""
    return np.array([0.5 * one * (1 + math.erf(one / math.sqrt(2))) for one in x])


def layer_norm(x, weights, name, eps=1e-12, *, kind="bert"):
    """Centre, divide by the deviation, scale, shift; `uer`: the unbiased deviation, with eps beside it."""
    mean = math.fsum(x) / len(x)
    squares = math.fsum((one - mean) ** 2 for one in x)
    spread = math.sqrt(squares / len(x) + eps) if kind == "bert" else math.sqrt(squares / (len(x) - 1)) + eps
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return np.array([scale[i] * (x[i] - mean) / spread + shift[i] for i in range(len(x))])


def softmax(scores):
    """Shares that sum to 1."""
    most = max(scores)
    grown = [math.exp(one - most) for one in scores]
    return [one / math.fsum(grown) for one in grown]


def dot(a, b):
    """Σ a_i b_i."""
    return math.fsum(one * other for one, other in zip(a, b, strict=True))


def attention(query, others, weights, heads, seen):
    """What a position takes from `others`, of whom it sees those in `seen`; before the output map."""
    asked = linear(query, weights, "query")
    keys = {j: linear(others[j], weights, "key") for j in seen}
    values = {j: linear(others[j], weights, "value") for j in seen}
    size, parts = len(asked) // heads, []
    for head in range(heads):
        here = slice(head * size, (head + 1) * size)
        shares = softmax([dot(asked[here], keys[j][here]) / math.sqrt(size) for j in seen])
        parts.append(sum(share * values[j][here] for share, j in zip(shares, seen, strict=True)))
    return np.concatenate(parts)


def attended(states, weights, heads, sees, eps=1e-12, *, others=None, kind="bert"):
    """LN(x + O(attention)): the first half of a layer. `sees[i]` are the numbers that i sees."""
    others = states if others is None else others
    return [
        layer_norm(x + linear(attention(x, others, weights, heads, seen), weights, "output"), weights, "norm",
                   eps, kind=kind)
        for x, seen in zip(states, sees, strict=True)
    ]  # fmt: skip


def fed(states, weights, eps=1e-12, *, kind="bert"):
    """LN(x + W₂ gelu(W₁ x)): the second half."""
    return [
        layer_norm(
            x + linear(gelu(linear(x, weights, "up")), weights, "down"), weights, "norm", eps, kind=kind
        )
        for x in states
    ]


def layer(states, weights, heads, sees, eps=1e-12, *, others=None, kind="bert"):
    """A layer that normalises what it has added: weights under `attention` and `feed`."""
    half = attended(states, under(weights, "attention"), heads, sees, eps, others=others, kind=kind)
    return fed(half, under(weights, "feed"), eps, kind=kind)


def embedded(tokens, positions, segments, weights, eps=1e-12, *, kind="bert"):
    """LN(word + position + segment)."""
    return [
        layer_norm(weights["words"][token] + weights["positions"][at] + weights["segments"][segment],
                   weights, "norm", eps, kind=kind)
        for token, at, segment in zip(tokens, positions, segments, strict=True)
    ]  # fmt: skip


def everyone(valid):
    """Who sees whom where padding alone is hidden: [i] → those who are there; padding sees itself."""
    there = [j for j, real in enumerate(valid) if real]
    return [there if real else [i] for i, real in enumerate(valid)]


def tree(branch, word, valid=None, sequence=None):
    """Who sees whom in a tree, from its parts: the trunk, the words' own tokens, the branches of each word.

    Token and branch belong to the example that `sequence` says; padding sees itself alone.
    """
    size = len(branch)
    valid = [True] * size if valid is None else valid
    sequence = [1] * size if sequence is None else sequence
    real = [i for i in range(size) if valid[i]]
    trunks: dict[int, list[int]] = {}
    heads: dict[tuple[int, int], list[int]] = {}
    branches: dict[tuple[int, int, int], list[int]] = {}
    of_word: dict[tuple[int, int], list[int]] = {}
    for i in real:
        row, w, b = sequence[i], word[i], branch[i]
        if b == 0:
            trunks.setdefault(row, []).append(i)
            heads.setdefault((row, w), []).append(i)
        else:
            branches.setdefault((row, w, b), []).append(i)
            of_word.setdefault((row, w), []).append(i)
    sees = []
    for i in range(size):
        row, w, b = sequence[i], word[i], branch[i]
        if not valid[i]:
            sees.append([i])
        elif b == 0:
            sees.append(sorted(trunks[row] + of_word.get((row, w), [])))
        else:
            sees.append(sorted(branches[(row, w, b)] + heads.get((row, w), [])))
    return sees


def bert(tokens, positions, segments, weights, *, heads, sees, eps=1e-12, kind="bert"):
    """Embeddings and layers, under `embeddings` and `layers.N`; the states after each are returned."""
    states = [embedded(tokens, positions, segments, under(weights, "embeddings"), eps, kind=kind)]
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    for number in range(depth):
        states.append(layer(states[-1], under(weights, f"layers.{number}"), heads, sees, eps, kind=kind))
    return states

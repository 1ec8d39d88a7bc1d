"""The rows of `candidates` of one range, as the estimate or another system's formula gives them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kbtools.alias.building.forms import Forms, alphabetical
from kbtools.alias.building.weighing import Counts, Floats, Ints, Pairs, new, ranks
from kbtools.alias.schema import TABLES
from kbtools.kb.schema import STR


class Candidates(NamedTuple):
    """In order of norm, form (the norm as a whole first), kb, rank."""

    norm: Ints
    form: pa.StringArray
    new: NDArray[np.bool_]  # where another norm or form begins
    kb: NDArray[np.uint8]
    eid: NDArray[np.uint32]
    n: Floats
    prior: NDArray[np.float32]
    rank: Ints
    sources: NDArray[np.uint32]

    def table(self, norms: pa.StringArray) -> pa.Table:
        """Return the rows of the table."""
        columns = [
            norms.take(pa.array(self.norm)), self.form, pa.array(self.kb), pa.array(self.eid),
            pa.array(self.n), pa.array(self.prior), pa.array(self.rank.astype(np.uint16)),
            pa.array(self.sources),
        ]  # fmt: skip
        return pa.table(columns, schema=TABLES["candidates"].schema)


def estimated(pairs: Pairs, forms: Forms) -> Candidates:
    """Bring the candidates of whole norms and of forms into one order."""
    pair = np.concatenate([np.arange(len(pairs.norm)), forms.pair])
    form = np.concatenate([np.full(len(pairs.norm), -1), forms.form])
    n, prior = np.concatenate([pairs.n, forms.n]), np.concatenate([pairs.prior, forms.prior])
    order = np.lexsort((form, pairs.norm[pair]))  # stable: kb and rank keep their order
    pair, form = pair[order], form[order]
    norm, kb, eid = pairs.norm[pair], pairs.kb[pair], pairs.eid[pair]
    text = forms.text.take(pa.array(form, mask=form < 0))
    return Candidates(
        norm, text, new(norm, form), kb, eid, n[order], prior[order].astype(np.float32),
        ranks(np.cumsum(new(norm, form, kb))), pairs.sources[pair],
    )  # fmt: skip


def given(counts: Counts, rows: pa.Table) -> Candidates:
    """Bring rows (norm, form, kb, eid, n, prior, sources) of another system's formula into order."""
    rows = rows.combine_chunks()
    norm = pc.index_in(rows["norm"], counts.norms).to_numpy().astype(np.int64)
    text = pa.concat_arrays([pa.array([], STR), *rows["form"].cast(STR).chunks])
    form = np.where(text.is_null().to_numpy(zero_copy_only=False), -1, alphabetical(text.fill_null("")))
    order = np.lexsort((rows["eid"], -rows["prior"].to_numpy(), rows["kb"], form, norm))
    norm, form = norm[order], form[order]
    kb, eid, n, prior, sources = (
        rows[name].to_numpy()[order] for name in ("kb", "eid", "n", "prior", "sources")
    )
    return Candidates(
        norm, text.take(pa.array(order)), new(norm, form), kb, eid, n, prior.astype(np.float32),
        ranks(np.cumsum(new(norm, form, kb))), sources,
    )  # fmt: skip

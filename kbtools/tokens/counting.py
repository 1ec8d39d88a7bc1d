"""Count the words of corpora: what tokenizers are learnt from.

Stretches of text without white space are counted as they stand, and only the different ones are normalised
and cut into words. Memory: `most` different ones, some 150 bytes each; when there are more, those that
occurred once are forgotten, then those that did twice … Of a rare word some occurrences are lost so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from tokenizers import Tokenizer as Made

from kbtools import corpus
from kbtools.corpus import Report
from kbtools.progress import Progress
from kbtools.tokens.placing import HAN_RANGES

HAN = "".join(f"{chr(low)}-{chr(high)}" for low, high in HAN_RANGES)
APART = re.compile(f"[{HAN}]| ?[^\\s{HAN}]+")
TOGETHER = re.compile(r" ?\S+")
LONGEST = 1000  # characters of a stretch; what is longer is no word
_WHOLE = 1 << 64


class Counted:
    """Stretches of text and how often each occurs."""

    def __init__(self, *, apart: bool, most: int, sample: float) -> None:
        self.pattern = APART if apart else TOGETHER
        self.most, self.limit = most, int(sample * _WHOLE)
        self.found: Counter[str] = Counter()
        self.documents = self.characters = self.forgotten = 0
        self._rare = 0

    def read(
        self, corpora: Sequence[str], settings: Sequence[str], report: Report, progress: Progress
    ) -> None:
        """Count all documents of the corpora that are in the sample."""
        for number, spec in enumerate(corpora):
            at = 0
            for batch in corpus.documents(spec, settings=settings, report=report):
                self._add(batch, number, at)
                at += batch.num_rows
                progress.advance(batch.num_rows)

    def words(self, made: Made) -> dict[str, int]:
        """Cut the stretches into words as the tokenizer does; in order of the alphabet."""
        found: Counter[str] = Counter()
        normalise = made.normalizer.normalize_str if made.normalizer is not None else str
        for stretch, count in self.found.items():
            for word, _ in made.pre_tokenizer.pre_tokenize_str(normalise(stretch)):
                found[word] += count
        return dict(sorted(found.items()))

    def _add(self, batch: pa.RecordBatch, number: int, at: int) -> None:
        for text in self._chosen(batch["text"], number, at):
            self.documents += 1
            self.characters += len(text)
            self.found.update(one for one in self.pattern.findall(text) if len(one) <= LONGEST)
            if len(self.found) > self.most:
                self._forget()

    def _chosen(self, texts: pa.Array, number: int, at: int) -> Iterator[str]:
        if self.limit >= _WHOLE:
            yield from texts.to_pylist()
            return
        drawn = [
            xxhash.xxh3_64_intdigest(b"%d %d" % (number, at + row)) < self.limit for row in range(len(texts))
        ]
        yield from pc.filter(texts, pa.array(drawn, pa.bool_())).to_pylist()

    def _forget(self) -> None:
        while len(self.found) > self.most // 2:
            self._rare += 1
            kept = {word: count for word, count in self.found.items() if count > self._rare}
            self.forgotten += len(self.found) - len(kept)
            self.found = Counter(kept)

"""How batches are made of examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from kbtools.artefact import digest
from kbtools.config import plain, setting
from kbtools.errors import ConfigError
from kbtools.shards.reading.order import Shuffle

AS_READ = {"columns", "pads", "classes"}  # how examples look, not which go together


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Which examples go together, and in what order."""

    tokens: int = setting("Tokens of a batch, padding too.", 8192)
    rows: int | None = setting("Examples of a batch, whatever their length, in place of `tokens`.", None)
    shuffle: Shuffle = setting("Examples in any order, in blocks of neighbours, or as they are.", "rows")
    block: int = setting("Rows of a block that stay together, for `shuffle = blocks`.", 1024)
    window: int = setting("Batches whose examples are sorted by length together; 0: none are.", 100)
    packed: bool = setting("Several examples in a row.", False)
    max_length: int | None = setting("Tokens of a packed row; none: what the shards were made with.", None)
    multiple_of: int = setting("Rows are padded to a multiple of this.", 8)
    drop_last: bool = setting("Leave out the last batch of an epoch if it has fewer than `rows`.", False)
    seed: int = setting("Another seed, another order.", 0)
    columns: tuple[str, ...] = setting("Columns that are read; none named: all.", ())
    pads: dict[str, float] = field(
        default_factory=dict, metadata={"help": "What a column is padded with, by name."}
    )

    classes: dict[str, tuple[str, ...]] = field(
        default_factory=dict,
        metadata={"help": "Columns of words that become numbers: the place of each word here."},
    )

    def __post_init__(self) -> None:
        for name in ("tokens", "rows", "block", "multiple_of", "max_length"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; it is 1 at least")
        if self.window < 0:
            raise ConfigError(f"window is {self.window}; it is 0 at least")
        if self.drop_last and (self.rows is None or self.packed):
            raise ConfigError("drop_last is for batches of equal size: give rows, and do not pack")

    @cached_property
    def plan(self) -> str:
        """Digest what decides which examples make which batch."""
        said = {name: value for name, value in plain(self).items() if name not in AS_READ}
        return digest.of_json(said)

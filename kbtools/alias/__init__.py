"""Names to candidates: counts, priors, the compiled look-up and what reads it.

from kbtools.alias import Alias
alias = Alias("alias")
alias.lookup(["Paris"]), alias.scan(["He lives in Paris."])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kbtools.alias.lookup import Alias

__all__ = ["Alias"]


def __getattr__(name: str) -> Any:
    if name != "Alias":
        raise AttributeError(f"kbtools.alias has no {name!r}")
    from kbtools.alias.lookup import Alias  # noqa: PLC0415 - numpy and pyarrow only for those who look up

    return Alias

"""Read wordnets, whatever kind each file is of, into one part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kbtools.artefact import Outcome
from kbtools.io import open_stream
from kbtools.kb.named import NamedPart
from kbtools.kb.staged import no_collecting
from kbtools.sources.wnlmf.lmf import Lmf
from kbtools.sources.wnlmf.look import look
from kbtools.sources.wnlmf.tab import Tab


def read(folder: Path, *, files: list[str], part: str, ids: str) -> Outcome:
    """Stage all files; they are one wordnet: a sense in one may refer to a sense in another.

    XML streams; what is kept of it are the senses, about 1 KB each (a few hundred MB for the largest). A .tab
    file is held whole, with about five times its size besides.
    """
    damaged: list[list[Any]] = []
    with no_collecting(), NamedPart(folder, part) as out:
        tab = Tab(out, several=len(files) > 1)
        lmf = Lmf(out, by_offset=ids == "offset", several=len(files) > 1)
        for path in files:
            name = Path(path).name
            with open_stream(path) as stream:
                if look(path) == "tab":
                    tab.read(b"".join(stream.chunks()), name)
                else:
                    broken = lmf.read(stream.chunks(), path, name)
                    if broken and not stream.damage:
                        damaged.append([name, broken.byte, broken.reason])
                if stream.damage:
                    damaged.append([name, stream.damage.byte, stream.damage.reason])
        if warnings := lmf.finish():
            out.notes["warnings"] = warnings
    return out.outcome(damaged=damaged)

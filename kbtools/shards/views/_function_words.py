"""Function words of English: of closed classes, with no meaning of their own.

Unlike `tables/stop_words.txt`, what is no name by itself, these hold no months and no other languages' words.
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from kbtools.kb.schema import STR

WORDS = """
a an the this that these those such same other another each every either neither both all any some no
none much more most many few less least several one ones i you he she it we they me him her us them my
your his its our their mine yours hers ours theirs myself yourself himself herself itself ourselves
yourselves themselves who whom whose which what whoever whatever
and or but nor so yet for if then else than because since unless until while although though whereas
whether as at by from in into of off on onto out over to toward towards under up upon with within
without about above across after against along among around before behind below beneath beside between
beyond despite down during except inside like near outside past per through throughout via
am is are was were be been being do does did done doing have has had having will would shall should can
cannot could may might must ought let
not only just also too very even still again ever never always often once here there now when where why
how however therefore thus hence
"""


@cache
def function_words() -> pa.Array:
    """Return them in small letters."""
    return pa.array(WORDS.split(), STR)

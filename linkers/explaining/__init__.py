"""Why a text is linked as it is: everything that a linker worked with, as data and as a page.

    explain_text(text, alias=…)            one text
    explain_documents(corpus, alias=…)     the first documents of a corpus, beside its gold
    page(explained)                        HTML that needs nothing else

The linker is asked step by step, and what it said is told: nothing is worked out a second time.
"""

from kbtools.linkers.explaining.explain import explain_documents, explain_text
from kbtools.linkers.explaining.explained import (
    STATES,
    VERDICTS,
    Candidate,
    Document,
    Explained,
    Gold,
    Limits,
    Mention,
    Source,
)
from kbtools.linkers.explaining.page import page, write_page

__all__ = [
    "STATES",
    "VERDICTS",
    "Candidate",
    "Document",
    "Explained",
    "Gold",
    "Limits",
    "Mention",
    "Source",
    "explain_documents",
    "explain_text",
    "page",
    "write_page",
]

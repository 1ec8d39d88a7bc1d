"""Knowledge-base dumps in, linked text and trained, knowledge-enhanced language models out.

The work is done by `kbtools.api`, one function a command; importing this package imports nothing heavy.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"

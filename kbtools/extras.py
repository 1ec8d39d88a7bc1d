"""Optional libraries, asked for at the moment of use."""

from __future__ import annotations

import importlib
from types import ModuleType

from kbtools.errors import MissingExtraError


def need(module: str, *, extra: str, why: str) -> ModuleType:
    """Import `module`, or say what it is for and which extra brings it.

    `why` opens the sentence: "reading s3:// addresses" needs s3fs.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the library is there; something that it needs is not, and an extra would not cure it
        raise MissingExtraError(
            f"{why} needs {module}, which is not installed; install it with: pip install 'kbtools[{extra}]'"
        ) from None

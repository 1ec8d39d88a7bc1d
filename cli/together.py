"""What several processes of one command say: one of them speaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from kbtools.cli.main import INTERRUPTED, USERS_FAULT


@contextmanager
def one_speaks() -> Iterator[None]:
    """End quietly where another process tells of an error, or of an interruption."""
    from kbtools import models  # noqa: PLC0415 - torch is slow to load

    try:
        yield
    except models.ElsewhereError:
        click.get_current_context().exit(USERS_FAULT)
    except KeyboardInterrupt:
        if models.is_main():
            raise
        click.get_current_context().exit(INTERRUPTED)

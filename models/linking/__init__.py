"""A trained KnowBert as what tells candidates apart: for `kbtools link --with knowbert:RUN`."""

from kbtools.models.linking.opening import Scorer, opened

__all__ = ["Scorer", "opened"]

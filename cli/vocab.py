"""`kbtools vocab`: corpora become a tokenizer."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.options import common, complain
from kbtools.cli.settings import flags
from kbtools.tokens.settings import Settings


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@flags(Settings)
@click.option("--out", metavar="TOKENIZER", help="The folder to write.")
@common("corpus_settings", "max_rejects", "overwrite", "quiet", "json")
def command(corpora: tuple[str, ...], out: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Learn a tokenizer from corpora: what pieces text is cut into, and their numbers.

    wordpiece is what BERT has, bpe what RoBERTa has (bytes: nothing is unknown), unigram the likeliest
    division, char single characters. Each Chinese character is a word. Capitals and accents go, unless
    --cased. The folder holds tokenizer.json and what else transformers' AutoTokenizer reads, without a
    network.

    Example: kbtools vocab news.jsonl wiki.txt --size 30000 --out tokenizer
    """
    api.allowed(max_rejects, 0)  # refused now, not after the work
    asked = {name: value for name, value in options.items() if value not in (None, ())}
    made = api.build_vocab(corpora, out, **asked)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.vocab_summary(made, out))
    complain(api.judge(made, out, max_rejects=max_rejects))

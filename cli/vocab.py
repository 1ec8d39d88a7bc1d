"""`kbtools vocab`: corpora become a tokenizer."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from kbtools import api
from kbtools.cli.options import common, complain, shared
from kbtools.cli.settings import flags
from kbtools.tokens.settings import Settings


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@flags(Settings)
@click.option("--out", metavar="TOKENIZER", help="The folder to write.")
@shared("corpus_settings")
@click.option("--max-rejects", default="0.1%", show_default=True, help="A share, a number, or none.")
@click.option("--overwrite", is_flag=True, help="Replace what is at --out.")
@common("quiet", "json")
def command(corpora: tuple[str, ...], out: str, max_rejects: str, as_json: bool, **options: Any) -> None:
    """Learn a tokenizer from corpora: what pieces text is cut into, and their numbers.

    wordpiece is what BERT has, bpe what RoBERTa has (bytes: nothing is unknown), unigram the likeliest
    division, char single characters. Chinese characters stand apart. Capitals and accents go, unless --cased.
    The folder holds tokenizer.json and what else transformers' AutoTokenizer reads, without a network.

    Example: kbtools vocab news.jsonl wiki.txt --kind wordpiece --size 30000 --out tokenizer
    """
    api.allowed(max_rejects, 0)  # refused now, not after the work
    asked = {name: value for name, value in options.items() if value not in (None, ())}
    made = api.build_vocab(corpora, out, **asked)
    click.echo(msgspec.json.encode(made).decode() if as_json else api.vocab_summary(made, out))
    complain(api.judge(made, out, max_rejects=max_rejects))

"""`kbtools`: one sub-command per file, imported only when it runs."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from difflib import get_close_matches

import click

from kbtools.cli import interrupts
from kbtools.cli.options import DEBUG, GONE, debug_option
from kbtools.errors import KbError

COMMANDS = {  # in the order the data flows
    "ingest": "A dump becomes a knowledge base.",
    "merge": "Several knowledge bases become one.",
    "alias": "Knowledge bases become a table of names and what they mean.",
    "index": "Names or entities become searchable by similarity.",
    "link": "Text becomes text with links: names, and what each means.",
    "fit": "A linker learns from gold what speaks for a meaning.",
    "parse": "Text becomes text with dependency heads, by a parser of spaCy.",
    "vocab": "Corpora become a tokenizer: text as numbers.",
    "tree": "Sentences become trees: what is known of their names grows from them.",
    "embed": "A knowledge base or a corpus becomes vectors of entities and words.",
    "shard": "Text, trees or knowledge bases become what a model reads.",
    "train": "Shards and a recipe become a trained model.",
    "encode": "Texts become vectors of a model's layers.",
    "export": "Vectors become what other programs read.",
    "eval": "How good answers are: tables, plots and every prediction.",
    "inspect": "What an artefact is, made from what, how many, some rows.",
    "explain": "Why a name or a text means what it means: counts, priors, scores.",
    "sql": "Ask knowledge bases and alias tables in SQL.",
    "diff": "What changed between two artefacts of one kind.",
    "verify": "Whether an artefact is whole and sound.",
    "licence": "The terms that an artefact's sources came under.",
}

ONLY_READ = {"inspect", "explain", "sql", "diff", "verify", "licence"}
BEGIN_ANEW = {"eval", "parse"}
RESUME = "; run the same command again: it goes on where it stopped"

OUR_FAULT, USERS_FAULT, INTERRUPTED = 1, 2, 130


class Pipeline(click.Group):
    """Lists commands without importing them; turns every error into one line and its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: D102
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"kbtools.cli.{cmd_name}").command
        if command.help:  # an example keeps its lines
            command.help = inspect.cleandoc(command.help).replace("\n\nExample", "\n\n\b\nExample")
        return command

    def resolve_command(  # noqa: D102
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"no command {args[0]!r}.{hint} Commands: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; contracts §8 gives the exit codes."""
        try:
            with interrupts.kept():
                result = super().invoke(ctx)
            sys.stdout.flush()  # a reader that has gone away is noticed here, not at the exit
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # `| head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            anew = ctx.invoked_subcommand in ONLY_READ | BEGIN_ANEW or ctx.meta.get(GONE)
            again = "" if anew else RESUME
            _say(ctx, f"Interrupted{again}")
            ctx.exit(INTERRUPTED)
        except (KbError, OSError, MemoryError) as error:
            _say(ctx, f"Error: {_cause(error)}")
            ctx.exit(USERS_FAULT)
        except Exception as error:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            _say(ctx, f"kbtools has a bug: {what}; run again with --debug and report what it shows")
            ctx.exit(OUR_FAULT)
        return result


def _cause(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "out of memory; try fewer --workers or a smaller --memory"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _say(ctx: click.Context, line: str) -> None:
    """Tell the user what went wrong; with --debug, also where."""
    if ctx.meta.get(DEBUG):
        traceback.print_exc()
    click.echo(line, err=True)


@click.command(cls=Pipeline, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kbtools", message="%(prog)s %(version)s")
@debug_option
def main() -> None:
    """Knowledge-base dumps in, linked text and trained, knowledge-enhanced language models out."""


if __name__ == "__main__":
    main()

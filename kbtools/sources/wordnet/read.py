"""Read a dict folder, all in one task: it is 40 MB at most.

- entities: synsets by offset id (`02084071-n`, satellites under `-a`), first word, definition, and as `freq`
  the tags of all their words; then the supersenses (`noun.animal`), which are the synsets' types.
- surfaces: a row for each word of a synset, with its type as `pos` (s for satellites), tags as `count` and
  its key as `atom`; `alias` for a second spelling (`A`, `a`); irregular forms as `exception`.
- xref: `sense_key`, and `sense` for the number of each sense: `dog#n#1` is the first of the noun `dog`.
- descriptions: definition, and examples; the source of an example is its author, if the gloss names one.
- triples: pointers. literals: `verb_frame`, `verb_sentence`, `adjective_position`. Those about words, not
  about the synset as a whole, have qualifiers (see `statements`).
"""

from __future__ import annotations

from pathlib import Path

from kbtools.artefact import Outcome
from kbtools.kb.named import NamedPart
from kbtools.sources.wordnet import DATA, PARTS, rows, senses, statements, synsets
from kbtools.sources.wordnet.fields import Folder
from kbtools.sources.wordnet.symbols import release
from kbtools.sources.wordnet.synsets import SHIFT, Synsets

ABSENT = {  # what is done without a file
    "index.sense": "sense numbers are those of index.noun and its like, if they are there",
    "cntlist.rev": "tag counts are those of index.sense, if it is there",
    "lexnames": "the known 45 names are used",
    "frames.vrb": "the known 35 frames are used",
    **{f"{part}.exc": "no irregular forms" for part in PARTS},
}


def read(folder: Path, *, files: list[str], part: str) -> Outcome:
    """Stage all that the files say."""
    with NamedPart(folder, part) as out:
        dump = Folder({Path(path).name: out.whole(path) for path in files}, out)
        if "verb.Framestext" in dump:  # the same in other words
            dump.files.setdefault("frames.vrb", dump.files["verb.Framestext"])
        if absent := [f"no {name}: {what}" for name, what in ABSENT.items() if name not in dump]:
            out.notes["absent"] = absent
        found = synsets.read(dump, DATA)
        _release(found, dump)
        words = senses.find(found, dump)
        ids = rows.write(found, words, dump)
        statements.write(found, words, ids, dump)
    return out.outcome()


def _release(found: Synsets, dump: Folder) -> None:
    offsets = {name: found.key[found.part == part] % SHIFT for part, name in enumerate(PARTS)}
    name, warning = release({part: (len(some), int(some.sum())) for part, some in offsets.items()})
    dump.out.notes["release"] = name
    dump.out.notes["synsets"] = {part: len(some) for part, some in offsets.items()}
    if warning:
        dump.warn(warning)

"""Write the sample's dict folder from `synsets.txt`: `python data/sample/wordnet/build.py`.

An entry of `synsets.txt` is a head line, `name file type words`, a line of pointers and frames, the gloss:

    dog noun.animal n dog=42 domestic_dog Canis_familiaris
    @:canine #m:pack +:1.1:doggish
    a canid kept by people; "the dog barked"

A word may have a tag count (`=42`) and a marker (`asleep(p)`). `+:1.2:bark` leads from word 1 to word 2 of
bark; `f:8` is a verb frame, `f:1.0:8` one of word 1. The opposite of a pointer is added where there is one.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
SUFFIX = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
OPPOSITE = {
    "@": "~", "@i": "~i", "#m": "%m", "#p": "%p", "#s": "%s", ";c": "-c", ";r": "-r", ";u": "-u",
    **{symbol: symbol for symbol in "!=+&$"},
}  # fmt: skip
HEAD = ["A small sample in the format of WordNet's data files, made for the tests of kbtools.", "CC0."]
NOUNS = (
    "Tops act animal artifact attribute body cognition communication event feeling food group location "
    "motive object person phenomenon plant possession process quantity relation shape state substance time"
)
VERBS = (
    "body change cognition communication competition consumption contact creation emotion motion perception "
    "possession social stative weather"
)
FILES = ["adj.all", "adj.pert", "adv.all", *(f"noun.{name}" for name in NOUNS.split())]
FILES += [*(f"verb.{name}" for name in VERBS.split()), "adj.ppl"]
CODES = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
FRAMES = {
    1: "Something ----s",
    2: "Somebody ----s",
    8: "Somebody ----s something",
    9: "Somebody ----s somebody",
}
EXCEPTIONS = {
    "noun": ["geese goose", "men_of_letters man_of_letters", "mice mouse", "wolves wolf"],
    "verb": ["ate eat", "eaten eat", "ran run", "slept sleep", "went go move"],
    "adj": ["bigger big", "biggest big"],
    "adv": ["better well"],
}


class Synset:
    """An entry of `synsets.txt`."""

    def __init__(self, entry: str) -> None:
        head, *lines, self.gloss = [line.strip() for line in entry.strip().split("\n")]
        self.name, file, self.type, *words = head.split()
        self.file = FILES.index(file)
        self.part = "a" if self.type == "s" else self.type
        self.words = [word.partition("=")[0] for word in words]
        self.counts = [int(word.partition("=")[2] or 0) for word in words]
        self.lex_ids: list[int] = []
        self.pointers: list[tuple[str, str, int, int]] = []
        self.frames: list[tuple[int, int]] = []
        for sign in " ".join(lines).split():
            symbol, *words_of, target = sign.split(":")
            source, word = map(int, words_of[0].split(".")) if words_of else (0, 0)
            if symbol == "f":
                self.frames.append((int(target), source))
            else:
                self.pointers.append((symbol, target, source, word))
        self.offset = 0

    def lemma(self, place: int) -> str:
        """Return a word as it stands in keys."""
        return self.words[place].partition("(")[0].lower()

    def line(self, known: dict[str, Synset]) -> str:
        """Return the synset as a line of a data file."""
        words = [f"{word} {lex_id:x}" for word, lex_id in zip(self.words, self.lex_ids, strict=True)]
        pointers = [
            f"{symbol} {known[target].offset:08d} {known[target].part} {source:02x}{word:02x}"
            for symbol, target, source, word in self.pointers
        ]
        fields = [f"{self.offset:08d} {self.file:02d} {self.type} {len(words):02x}", *words]
        fields += [f"{len(pointers):03d}", *pointers]
        if self.type == "v":
            fields += [
                f"{len(self.frames):02d}",
                *(f"+ {frame:02d} {word:02x}" for frame, word in self.frames),
            ]
        return " ".join([*fields, "|", self.gloss]) + "  \n"

    def keys(self, known: dict[str, Synset]) -> list[str]:
        """Return the sense keys of its words."""
        head = next((known[target] for symbol, target, *_ in self.pointers if symbol == "&"), self)
        of_head = f"{head.lemma(0)}:{head.lex_ids[0]:02d}" if self.type == "s" else ":"
        kind = "nvars".index(self.type) + 1
        return [
            f"{self.lemma(place)}%{kind}:{self.file:02d}:{lex_id:02d}:{of_head}"
            for place, lex_id in enumerate(self.lex_ids)
        ]


def read() -> dict[str, Synset]:
    """Read the entries; complete pointers, number the words that a file has twice."""
    text = (HERE / "synsets.txt").read_text("utf-8")
    known = {synset.name: synset for synset in map(Synset, text.strip().split("\n\n"))}
    seen: dict[tuple[str, int], int] = defaultdict(int)
    for synset in known.values():
        lemmas = [synset.lemma(place) for place in range(len(synset.words))]
        synset.lex_ids = [seen[lemma, synset.file] for lemma in lemmas]  # `A` and `a` are one sense
        for lemma in {*lemmas}:
            seen[lemma, synset.file] += 1
        for symbol, target, source, word in synset.pointers:
            back = (OPPOSITE.get(symbol, ""), synset.name, word, source)
            if back[0] and back not in known[target].pointers:
                known[target].pointers.append(back)
    return known


def data_files(known: dict[str, Synset]) -> dict[str, str]:
    """Place the synsets, then write them."""
    licence = "".join(f"  {number} {line}  \n" for number, line in enumerate(HEAD, 1))
    for part in SUFFIX:
        at = len(licence.encode())
        for synset in (synset for synset in known.values() if synset.part == part):
            synset.offset = at
            at += len(synset.line(known).encode())  # an offset has eight digits, whatever it is
    return {
        f"data.{suffix}": licence + "".join(s.line(known) for s in known.values() if s.part == part)
        for part, suffix in SUFFIX.items()
    }


def _once(keys: list[str]) -> list[tuple[str, int]]:
    return [(key, place) for place, key in enumerate(keys) if key not in keys[:place]]


def index_files(known: dict[str, Synset]) -> dict[str, str]:
    """List words with their senses, most frequent first."""
    senses: dict[tuple[str, str], list[tuple[int, str, Synset]]] = defaultdict(list)
    for synset in known.values():
        for key, place in _once(synset.keys(known)):
            senses[synset.lemma(place), synset.part].append((-synset.counts[place], key, synset))
    index: dict[str, list[str]] = defaultdict(list)
    by_key = []
    for (lemma, part), many in sorted(senses.items()):
        many.sort(key=lambda sense: (sense[0], sense[2].offset))
        symbols = sorted({pointer[0] for _, _, synset in many for pointer in synset.pointers})
        tagged = sum(count < 0 for count, *_ in many)
        fields = [lemma, part, len(many), len(symbols), *symbols, len(many), tagged]
        index[part].append(" ".join(map(str, [*fields, *(f"{s.offset:08d}" for *_, s in many)])) + "  \n")
        by_key += [(key, s.offset, n, -count) for n, (count, key, s) in enumerate(many, 1)]
    by_key.sort()
    licence = "".join(f"  {number} {line}  \n" for number, line in enumerate(HEAD, 1))
    return {
        **{f"index.{suffix}": licence + "".join(index[part]) for part, suffix in SUFFIX.items()},
        "index.sense": "".join(f"{key} {offset:08d} {n} {count}\n" for key, offset, n, count in by_key),
        "cntlist.rev": "".join(f"{key} {n} {count}\n" for key, _, n, count in by_key if count),
    }


def build() -> dict[str, str]:
    """Return the files by name."""
    known = read()
    return {
        **data_files(known),
        **index_files(known),
        **{f"{suffix}.exc": "".join(f"{line}\n" for line in lines) for suffix, lines in EXCEPTIONS.items()},
        "lexnames": "".join(
            f"{n:02d}\t{name}\t{CODES[name.split('.')[0]]}\n" for n, name in enumerate(FILES)
        ),
        "frames.vrb": "".join(f"{n:<2} {text}\n" for n, text in sorted(FRAMES.items())),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "dict"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in build().items():
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()

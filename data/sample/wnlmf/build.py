"""Write `wn-data-cmn.tab` and `omw-de.xml` from `words.tsv`: `python data/sample/wnlmf/build.py`.

A synset is named by its lexicographer file and first word; its offset is looked up in the sample `wordnet`,
onto which both files go. In a cell `|` separates words.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

HERE = Path(__file__).parent
WORDNET = HERE.parent / "wordnet" / "dict"
FORMS = {"Hund": ["Hunde"], "Apfel": ["Äpfel"], "Katze": ["Katzen"], "essen": ["isst", "aß", "gegessen"]}
HYPERNYM = {"noun.animal:puppy": "noun.animal:dog"}  # one relation, which the base has too


def offsets() -> dict[str, tuple[str, str]]:
    """Return each synset's offset and part of speech."""
    found: dict[str, tuple[str, str]] = {}
    names = dict(line.split()[:2] for line in (WORDNET / "lexnames").read_text().splitlines())
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"data.{part}").read_text().splitlines():
            if not line.startswith(" "):
                offset, file, kind, _, word = line.split()[:5]
                found.setdefault(f"{names[file]}:{word.partition('(')[0]}", (offset, kind))
    return found


def rows() -> list[dict[str, str]]:
    """Return the words, with the id of each synset."""
    known = offsets()
    with (HERE / "words.tsv").open(newline="") as file:
        return [
            {**row, "id": "-".join(known[row["synset"]]), "pos": known[row["synset"]][1]}
            for row in csv.DictReader(file, delimiter="\t")
        ]


def tab() -> str:
    """Write the Chinese words as OMW does."""
    lines = ["# Tiny Chinese Wordnet\tcmn\thttps://example.org/tiny\tCC0"]
    for row in rows():
        lines += [f"{row['id']}\tcmn:lemma\t{word}" for word in row["zh"].split("|") if word]
        lines += [
            f"{row['id']}\tcmn:{kind}\t0\t{row[f'zh_{kind}']}" for kind in ("def", "exe") if row[f"zh_{kind}"]
        ]
    return "\n".join(lines) + "\n"


def xml() -> str:
    """Write the German words as WN-LMF 1.3."""
    words = [(row, word) for row in rows() for word in row["de"].split("|") if word]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.3.dtd">',
        '<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">',
        '  <Lexicon id="omw-de" label="Tiny German Wordnet" language="de" email="nobody@example.org"',
        '      license="https://creativecommons.org/publicdomain/zero/1.0/" version="1" url="https://example.org/">',
    ]
    for number, (row, word) in enumerate(words):
        pos = quoteattr("a" if row["pos"] == "s" else row["pos"])
        lines += [
            f'    <LexicalEntry id="omw-de-w{number}">',
            f"      <Lemma writtenForm={quoteattr(word)} partOfSpeech={pos}/>",
            *(f"      <Form writtenForm={quoteattr(form)}/>" for form in FORMS.get(word, [])),
            f'      <Sense id="omw-de-w{number}-1" synset="omw-de-{row["id"]}">',
            f"        <Count>{number % 7}</Count>",
            "      </Sense>",
            "    </LexicalEntry>",
        ]
    at = {row["synset"]: row["id"] for row in rows()}
    for row in rows():
        if row["de"]:
            more = f"<Definition>{row['de_def']}</Definition>" if row["de_def"] else ""
            if above := HYPERNYM.get(row["synset"]):
                more += f'<SynsetRelation relType="hypernym" target="omw-de-{at[above]}"/>'
            lines.append(
                f'    <Synset id="omw-de-{row["id"]}" ili="" partOfSpeech="{row["pos"]}">{more}</Synset>'
            )
    return "\n".join([*lines, "  </Lexicon>", "</LexicalResource>", ""])


def main(folder: Path) -> None:
    """Write both files into a folder."""
    (folder / "wn-data-cmn.tab").write_text(tab(), encoding="utf-8")
    (folder / "omw-de.xml").write_text(xml(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)

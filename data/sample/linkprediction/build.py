"""Write the triples beside this file: what the tiny world says of countries, split for link prediction."""

import csv
from pathlib import Path

HERE = Path(__file__).parent
RELATIONS = {"P30": "continent", "P36": "capital", "P37": "official language", "P38": "currency"}


def main():
    names, of_name = {}, {}
    for path in sorted((HERE.parent / "world" / "items").glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                names[row["id"]] = row["en"]
                of_name.setdefault(row["en"], row["id"])
    triples = []
    with (HERE.parent / "world" / "items" / "countries.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for header, cell in row.items():
                relation = header.partition(" ")[0]
                for value in (cell or "").split("|") if relation in RELATIONS else []:
                    tail = value.partition("{")[0].strip(" ^~")
                    tail = tail if tail in names else of_name.get(tail)
                    if tail:
                        triples.append((row["id"], relation, tail))
    splits = {
        "valid": triples[5::12],
        "test": triples[11::12],
        "train": [triple for at, triple in enumerate(triples) if at % 12 not in (5, 11)],
    }
    for split, rows in splits.items():
        _write(f"{split}.txt", rows)
    shifted = [tail for _, _, tail in splits["valid"][1:]]
    _write("valid_negatives.txt", [(h, r, t) for (h, r, _), t in zip(splits["valid"], shifted, strict=False)])
    used = sorted(
        {entity for head, _, tail in triples for entity in (head, tail)}, key=lambda entity: int(entity[1:])
    )
    _write("entity2text.txt", [(entity, names[entity]) for entity in used])
    _write("relation2text.txt", RELATIONS.items())


def _write(name, rows):
    # with CR LF, as the best known of these data sets has it
    (HERE / name).write_bytes("".join("\t".join(row) + "\r\n" for row in rows).encode())


if __name__ == "__main__":
    main()

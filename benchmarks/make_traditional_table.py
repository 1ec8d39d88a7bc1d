"""Write kbtools/tables/traditional_simplified.txt from OpenCC's TSCharacters.txt.

    python benchmarks/make_traditional_table.py TSCharacters.txt

A line of TSCharacters.txt is a traditional character, a tab and its simplified forms, the usual one first.
That one is kept: one character for one character, so that offsets do not move. What stays is left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "kbtools" / "tables" / "traditional_simplified.txt"

HEAD = """\
# Traditional Chinese characters (first line) and their simplified forms (second line), one for one.
# Derived from TSCharacters.txt of OpenCC (https://github.com/BYVoid/OpenCC), Apache-2.0: see NOTICE.
# Written by benchmarks/make_traditional_table.py; do not edit.
"""


def read(path: Path) -> dict[str, str]:
    """Read the first simplified form of every traditional character."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        traditional, _, choices = line.partition("\t")
        simplified = choices.split()[0] if choices.split() else ""
        if len(traditional) != 1 or len(simplified) != 1:
            raise SystemExit(f"{path}:{number}: not a character, a tab and its simplified forms: {line!r}")
        pairs[traditional] = simplified
    return {old: new for old, new in pairs.items() if old != new}


def follow(pairs: dict[str, str]) -> dict[str, str]:
    """Follow 薴 → 苧 → 苎 to its end: simplifying twice must give what simplifying once gives."""
    ends = {}
    for old, new in pairs.items():
        seen = {old}
        while new in pairs and new not in seen:
            seen.add(new)
            new = pairs[new]  # noqa: PLW2901
        ends[old] = new
    return ends


def main() -> None:
    """Read the path from the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("characters", type=Path, help="OpenCC's TSCharacters.txt")
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    pairs = sorted(follow(read(args.characters)).items())
    old, new = ("".join(side) for side in zip(*pairs, strict=True))
    args.out.write_text(f"{HEAD}{old}\n{new}\n", encoding="utf-8")
    print(f"{args.out}: {len(pairs):,} characters, {args.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

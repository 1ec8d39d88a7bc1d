r"""Write a synthetic Wikidata JSON dump: the layout of the official one, made-up content.

    python benchmarks/make_wikidata_dump.py --mb 300 --out dump.json dump.json.gz

One entity a line between `[` and `]`, non-ASCII as \uXXXX, slashes as \/, the keys in the official order.
Links point into the dump by a power law (5 % point outside), classes form a DAG and one cycle of three.
One seed and one size give the same bytes each time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import sha1
from itertools import accumulate, count
from pathlib import Path
from random import Random
from uuid import UUID

from isal import igzip

MEAN_BYTES = 25_000  # of one line, measured; only decides how many entities links may point to
SCRIPTS = {  # name -> letters, languages: about 50, three in five of them in one entity
    "latin": ("eeaaiioountrslldcmpghbvfkyz", "en de nl sv nb nn da id ms it eu sq af ast en-gb oc sco"),
    "accented": ("eaiountrslcdmpáéíóöüçñšžāłğ", "fr es pt pt-br ca gl pl cs sk hu ro tr vi fi et lt lv eo"),
    "cyrillic": ("оеаинтсрвлкмдпуяыьгзбчй", "ru uk be bg sr mk kk mn tt ba"),
    "greek": ("αοιετσνηυρπκμλςγδθχφβά", "el"),
    "arabic": ("اليمنرتبسدعهحقفكجخشطص", "ar fa ur arz ckb"),
    "hebrew": ("יהולאמרתבשנדקעחפכגסט", "he"),
    "devanagari": ("करनसतमलपदवहयजबगािीेो्ंु", "hi mr ne"),
    "thai": ("กนรมสาลวงยตปดทบคเหอแิีั่้", "th"),
    "han": ("人山大中国上海学生日本水城河北南东西文化美法英德州市县", "zh zh-hans zh-hant zh-cn zh-tw"),
    "kana": ("アイウエオカキクコサシスセタチテトナニノハフマミムメラリルレロンー", "ja"),
    "hangul": ("가나다라마바사아자하고노도로모보소오조호구누두루무부수우주후기니리미비시이지한국", "ko"),
}
LANGS = {lang: script for script, (_, langs) in SCRIPTS.items() for lang in langs.split()}
DATATYPES = {  # name -> (share of the statements, number of properties)
    "wikibase-item": (0.45, 130),
    "external-id": (0.25, 300),
    "time": (0.08, 25),
    "quantity": (0.06, 50),
    "string": (0.05, 30),
    "globe-coordinate": (0.03, 4),
    "commonsMedia": (0.03, 15),
    "url": (0.03, 20),
    "monolingualtext": (0.02, 10),
}
NOT_ITEMS = {7, 57, 157}  # of 200 rows: 0.5 % properties, while there are any, and 1 % lexemes
RANKS = ["normal"] * 96 + ["preferred"] * 3 + ["deprecated"]
# Templates in the key order of the dumps; PHP escapes the slash.
URL = r"http:\/\/www.wikidata.org\/entity\/Q"
TERM = '{"language":"%s","value":"%s"}'
TERMS = '"labels":{%s},"descriptions":{%s},"aliases":{%s}'
TEXT = '{"value":"%s","type":"string"}'
LINK = '{"value":{"entity-type":"item","numeric-id":%d,"id":"Q%d"},"type":"wikibase-entityid"}'
MONOLINGUAL = '{"value":{"text":"%s","language":"fr"},"type":"monolingualtext"}'
TIME = '{"value":{"time":"%s-%sT00:00:00Z","timezone":0,"before":0,"after":0,"precision":%d,'
TIME += f'"calendarmodel":"{URL}%d"}},"type":"time"}}'
QUANTITY = '{"value":{"amount":"%s","unit":"%s"%s},"type":"quantity"}'
PLACE = '{"value":{"latitude":%.10f,"longitude":%.10f,"altitude":null,"precision":0.00027777777777778,'
PLACE += f'"globe":"{URL}2"}},"type":"globecoordinate"}}'
SNAK = '{"snaktype":"value","property":"%s","hash":"%s","datavalue":%s,"datatype":"%s"}'
EMPTY_SNAK = '{"snaktype":"%s","property":"%s","hash":"%s","datatype":"%s"}'
QUALIFIERS = ',"qualifiers":%s,"qualifiers-order":%s'
REFERENCE = '{"hash":"%s","snaks":%s,"snaks-order":%s}'
STATEMENT = '{"mainsnak":%s,"type":"statement"%s,"id":"%s$%s","rank":"%s"%s}'
SITELINK = '"%s":{"site":"%s","title":"%s","badges":[%s]}'
PAGE = '"pageid":%d,"ns":%d,"title":"%s","lastrevid":%d,"modified":"2024-%02d-%02dT%02d:%02d:%02dZ"'
LEXEME = '{"type":"lexeme","id":"%s","lemmas":{"en":%s},"lexicalCategory":"Q1084","language":"Q1860",'
LEXEME += '%s,"forms":[%s],"senses":[{"id":"%s-S1","glosses":{"en":%s},"claims":[]}],%s}'
FORM = '{"id":"%s-F%d","representations":{"en":%s},"grammaticalFeatures":["Q%d"],"claims":[]}'


def grouped(pairs: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return a map of property to JSON values, and its keys."""
    groups: dict[str, list[str]] = {}
    for id_, text in pairs:
        groups.setdefault(id_, []).append(text)
    body = ",".join([f'"{id_}":[{",".join(texts)}]' for id_, texts in groups.items()])
    return f"{{{body}}}", list(groups)


def properties() -> tuple[list[tuple[str, str]], list[float]]:
    """Return (id, datatype) of all properties, P31 and P279 first, and their cumulated weights."""
    found, weights = [], []
    for datatype, (share, n) in DATATYPES.items():
        zipf = [1 / (rank + 6) for rank in range(n)]
        found += [(f"P{31 + 17 * (len(found) + rank)}", datatype) for rank in range(n)]
        weights += [share * weight / sum(zipf) for weight in zipf]
    found[1], weights[:2] = ("P279", "wikibase-item"), [0.0, 0.0]  # these two are placed by hand
    return found, list(accumulate(weights))


class Dump:
    """Makes the lines of one dump, in order."""

    def __init__(self, size: int, seed: int) -> None:
        self.rnd, (self.properties, self.weights) = Random(seed), properties()
        expected = max(int(size / MEAN_BYTES * 0.98), 10)
        self.step = max(90_000_000 // expected, 7)
        items = [self._number(i) for i in range(expected) if i % 200 not in NOT_ITEMS]
        self.classes = items[3 :: max(len(items) // 201, 5)][:200]
        self.class_rank = {number: rank for rank, number in enumerate(self.classes)}
        self.targets = self.rnd.sample(items, len(items))
        self.words = {name: self._make_words(name) for name in SCRIPTS}
        self.known = {lang: [self._phrase(script, 4) for _ in range(150)] for lang, script in LANGS.items()}
        self.langs = [lang for lang in LANGS if lang != "en"]
        self.common_references = [self._reference(1) for _ in range(200)]

    def _number(self, index: int) -> int:  # of an item: unique, gaps between, not quite ascending
        index ^= 21
        return 1 + index * self.step + (index * 2_654_435_761 >> 7) % self.step

    def lines(self) -> Iterator[str]:
        """Yield entities without end."""
        for index in count():
            if index % 200 not in NOT_ITEMS:
                yield self._item(self._number(index))
            elif index % 200 == 7 and index // 200 < len(self.properties):
                yield self._property(*self.properties[index // 200])
            else:
                yield self._lexeme(f"L{index}")

    def _make_words(self, alphabet: str) -> list[str]:
        letters, sizes = SCRIPTS[alphabet][0], (1, 3) if alphabet in {"han", "hangul"} else (3, 10)
        raw = ["".join(self.rnd.choices(letters, k=self.rnd.randint(*sizes))).title() for _ in range(2_000)]
        raw[1_000:1_004] = ['"' + raw[0] + '"', "A/B", "🐎", "\\o/"]  # rare: what needs an escape
        return [json.dumps(word)[1:-1].replace("/", r"\/") for word in raw]

    def _phrase(self, alphabet: str, n: int) -> str:
        words, random = self.words[alphabet], self.rnd.random
        return " ".join([words[int(2_000 * random() ** 2)] for _ in range(n)])

    def terms(self) -> tuple[str, str]:
        """Return labels, descriptions and aliases, and the name the sitelinks use."""
        rnd, name = self.rnd, self._phrase("latin", self.rnd.randint(1, 3))
        picked = ["en", *rnd.sample(self.langs, rnd.randint(20, 38))]
        rnd.shuffle(picked)
        labels, descriptions, aliases = [], [], []
        for place, lang in enumerate(picked):
            alphabet = LANGS[lang]
            label = self._phrase(alphabet, 2) if place & 1 and alphabet != "latin" else name
            labels.append(f'"{lang}":{TERM % (lang, label)}')
            if place % 3 or lang == "en":
                known = self.known[lang][int(150 * rnd.random() ** 2)]
                text = known if rnd.random() < 0.9 else self._phrase(alphabet, 4)
                descriptions.append(f'"{lang}":{TERM % (lang, text)}')
            if place % 4 == 1 and len(name) % 25:
                found = [TERM % (lang, self._phrase(alphabet, 2)) for _ in range(rnd.choice((1, 1, 2, 4)))]
                aliases.append(f'"{lang}":[{",".join(found)}]')
        return TERMS % (",".join(labels), ",".join(descriptions), ",".join(aliases)), name

    def value(self, datatype: str) -> str:
        """Return a data value."""
        rnd, n = self.rnd, self.rnd.getrandbits(36)
        match datatype:
            case "wikibase-item" if n % 20:
                q = self.targets[int(len(self.targets) * rnd.random() ** 2.5)]
                found = LINK % (q, q)
            case "wikibase-item":  # outside the dump
                found = LINK % (100_000_000 + n % (1 << 24), 100_000_000 + n % (1 << 24))
            case "external-id":
                found = TEXT % (n if n & 3 else f"n{n & 0xFFFFFF:08d}")
            case "time":
                old = n % 20 == 0
                year = f"-{n % 900:04d}" if n % 100 == 0 else f"+{1100 + n % 480 if old else 1700 + n % 325}"
                day, precision = (f"{1 + n % 12:02d}-{1 + n % 28:02d}", 11) if n & 4 else ("00-00", 9)
                found = TIME % (year, day, precision, 1985786 if old else 1985727)
            case "quantity":
                n &= 0xFFFFF
                bounds = f',"upperBound":"+{n + 5}","lowerBound":"+{max(n - 5, 0)}"' if n % 5 == 1 else ""
                amount, unit = f"+{n}" if n & 6 else f"{n / 1024 - 200:+.2f}", f"{URL}11573" if n & 1 else "1"
                found = QUANTITY % (amount, unit, bounds if n & 6 else "")
            case "globe-coordinate":
                found = PLACE % (rnd.random() * 180 - 90, rnd.random() * 360 - 180)
            case "monolingualtext":
                found = MONOLINGUAL % self._phrase("accented", 3)
            case _:
                text = self._phrase("latin", 2)
                texts = {"commonsMedia": f"{text}.jpg", "url": rf"https:\/\/www.example.org\/{n:x}"}
                found = TEXT % texts.get(datatype, text)
        return found

    def snak(self, id_: str, datatype: str, value: str = "") -> str:
        """Return a snak, equal ones with equal hashes; one in a hundred has no value or an unknown one."""
        if not value and self.rnd.random() < 0.01:
            kind = "novalue" if self.rnd.random() < 0.2 else "somevalue"
            return EMPTY_SNAK % (kind, id_, sha1((id_ + kind).encode()).hexdigest(), datatype)
        value = value or self.value(datatype)
        return SNAK % (id_, sha1((id_ + value).encode()).hexdigest(), value, datatype)

    def snaks(self, n: int) -> tuple[str, str]:
        """Return a map of property to snaks, and the order of its keys."""
        drawn = self.rnd.choices(self.properties, cum_weights=self.weights, k=n)
        body, ids = grouped([(prop[0], self.snak(*prop)) for prop in drawn])
        return body, json.dumps(ids, separators=(",", ":"))

    def _reference(self, n: int) -> str:
        body, order = self.snaks(n)
        return REFERENCE % (sha1(body.encode()).hexdigest(), body, order)

    def _statement(self, owner: str, prop: tuple[str, str], references: list[str], value: str = "") -> str:
        rnd, qualifiers, tail = self.rnd, "", ""
        if rnd.random() < 0.3:
            qualifiers = QUALIFIERS % self.snaks(rnd.choice((1, 1, 1, 2, 2, 3)))
        if rnd.random() < 0.6:
            tail = f',"references":[{rnd.choice(references)}]'
        uuid, rank = str(UUID(int=rnd.getrandbits(128))).upper(), rnd.choice(RANKS)
        return STATEMENT % (self.snak(*prop, value), qualifiers, owner, uuid, rank, tail)

    def claims(self, owner: str, n: int, fixed: Iterable[tuple[tuple[str, str], str]] = ()) -> str:
        """Return the claims of one entity: the `fixed` (property, value) pairs, then `n` drawn ones."""
        rnd, references = self.rnd, [self._reference(1), self._reference(2)]
        references += rnd.choices(self.common_references, k=3)
        drawn = rnd.choices(self.properties, cum_weights=self.weights, k=min(n * 4 // 5, 33))
        drawn += rnd.choices(drawn, k=n - len(drawn))
        pairs = [*fixed, *[(prop, "") for prop in drawn]]
        found = [(prop[0], self._statement(owner, prop, references, value)) for prop, value in pairs]
        return f'"claims":{grouped(found)[0]}'

    def classes_of(self, number: int) -> list[tuple[tuple[str, str], str]]:
        """Return the P31 and P279 values of an item."""
        rank, rnd, n = self.class_rank.get(number), self.rnd, len(self.classes)
        instance, parents = set(), {7: {6}, 6: {5}, 5: {7}}.get(rank, set()) if n > 7 else set()
        if rank is None:
            instance = {int(n * rnd.random() ** 3) for _ in range(1 + (rnd.random() < 0.15))}
            parents = {rnd.randrange(n)} if rnd.random() < 0.02 else set()
        elif rank:
            parents |= {rnd.randrange(rank) for _ in range(1 + (rank % 4 == 0))}
        found = [(self.properties[0], self.classes[i]) for i in sorted(instance)]
        found += [(self.properties[1], self.classes[i]) for i in sorted(parents)]
        return [(prop, LINK % (q, q)) for prop, q in found]

    def _page(self, namespace: int, title: str) -> str:
        n = self.rnd.getrandbits(27)
        return PAGE % (n, namespace, title, 1_800_000_000 + n, 1 + n % 12, 1 + n % 28, n % 24, n % 60, n % 59)

    def _item(self, number: int) -> str:
        rnd, id_, (terms, name) = self.rnd, f"Q{number}", self.terms()
        claims = self.claims(id_, 19 + min(int(rnd.expovariate(1 / 8)), 38), self.classes_of(number))
        sites = [lang.replace("-", "_") + "wiki" for lang in rnd.sample(self.langs, rnd.randint(5, 25))]
        badge = '"Q17437796"' if rnd.random() < 0.05 else ""
        links = ",".join([SITELINK % (site, site, name, "" if i else badge) for i, site in enumerate(sites)])
        return f'{{"type":"item","id":"{id_}",{terms},{claims},"sitelinks":{{{links}}},{self._page(0, id_)}}}'

    def _property(self, id_: str, datatype: str) -> str:
        body = f"{self.terms()[0]},{self.claims(id_, 20)},{self._page(120, 'Property:' + id_)}"
        return f'{{"type":"property","datatype":"{datatype}","id":"{id_}",{body}}}'

    def _lexeme(self, id_: str) -> str:
        stem = self._phrase("latin", 1)
        form = TERM % ("en", stem + "s"), self.rnd.choice(self.targets)
        forms = ",".join([FORM % (id_, i, *form) for i in (1, 2, 3)])
        lemma, gloss = TERM % ("en", stem), TERM % ("en", self._phrase("latin", 5))
        return LEXEME % (id_, lemma, self.claims(id_, 4), forms, id_, gloss, self._page(146, f"Lexeme:{id_}"))


def write_to(path: Path, members_mb: int, stack: ExitStack) -> Callable[[bytes], object]:
    """Open a file as its suffix says and return what writes to it."""
    file = stack.enter_context(path.open("wb"))
    if path.suffix != ".gz":
        return file.write
    if members_mb:
        return lambda block: file.write(igzip.compress(block, 3, mtime=0))
    return stack.enter_context(igzip.GzipFile("", "wb", 3, file, 0)).write


def make(size: int, seed: int, outs: list[Path], members_mb: int = 0) -> None:
    """Write about `size` bytes of dump to each of `outs`."""
    with ExitStack() as stack:
        writes = [write_to(path, members_mb, stack) for path in outs]
        done, block = 0, bytearray(b"[")
        for line in Dump(size, seed).lines():
            block += f"{',' if done else ''}\n{line}".encode("ascii")
            done += len(line) + 2
            if (last := done >= size) or len(block) >= max(members_mb, 1) * 1_000_000:
                for write in writes:
                    write(block + b"\n]\n" * last)
                block = bytearray()
            if last:
                return


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mb", type=float, default=300, help="MB of JSON")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, nargs="+", required=True, help="FILE.json, FILE.json.gz or both")
    parser.add_argument("--members-mb", type=int, default=0, help="MB of JSON in a gzip member; 0: all")
    args, start = parser.parse_args(), time.perf_counter()
    make(int(args.mb * 1e6), args.seed, args.out, args.members_mb)
    print(f"{args.mb:g} MB at {args.mb / (time.perf_counter() - start):.0f} MB/s")


if __name__ == "__main__":
    main()

"""Measure how fast PubMed's XML is read, beside xml.etree's iterparse, in one run and one process.

    python benchmarks/corpus_pubmed.py [--mb 200] [--rounds 3] [--json]

The files are made up: citations with the elements, lengths and proportions of a baseline file (authors with
affiliations, an abstract in four of five, MeSH headings, references), words drawn at random, the same for the
same arguments; every tenth citation comes again in an update file, some are deleted there. MB/s are 10^6
bytes of XML per second of CPU, decompression (.gz) included; the best of `--rounds` counts.

    kbtools     both passes: who wins, then title, abstract, MeSH headings, ids as record batches
    plan        the first of them alone
    iterparse   gzip, ElementTree.iterparse, title and abstract in a list, elements cleared: it does less
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from kbtools import corpus

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_240101.dtd">
<PubmedArticleSet>
"""
WORDS = [
    f"{a}{b}"
    for a in ("cardio", "neuro", "hepa", "immuno", "geno", "patho")
    for b in ("pathy", "logy", "tic", "sis")
]
WORDS += ["of", "the", "in", "and", "to", "with", "for", "was", "patients", "between", "cells", "IL-6", "α"]


def citation(pmid: int, chance: random.Random, note: str = "") -> str:
    """Make up a citation of some five thousand characters."""

    def words(low: int, high: int) -> str:
        return " ".join(chance.choices(WORDS, k=chance.randint(low, high)))

    authors = "".join(
        f'\n          <Author ValidYN="Y">\n            <LastName>{words(1, 1)}</LastName>\n'
        f"            <ForeName>{words(1, 1)}</ForeName>\n            <AffiliationInfo>\n"
        f"              <Affiliation>{words(8, 16)}</Affiliation>\n            </AffiliationInfo>\n"
        "          </Author>"
        for _ in range(chance.randint(1, 8))
    )
    labels = chance.choice([[""], ["BACKGROUND", "METHODS", "RESULTS", "CONCLUSIONS"]])
    abstract = "".join(
        f"\n          <AbstractText{f' Label={json.dumps(one)}' if one else ''}>{words(30, 60)} "
        f"<i>{words(1, 2)}</i> p&lt;0.05 {words(10, 60 if one else 160)}.</AbstractText>"
        for one in labels
    )
    mesh = "".join(
        f'\n        <MeshHeading>\n          <DescriptorName UI="D{chance.randrange(30000):06d}"'
        f' MajorTopicYN="N">{words(1, 3)}'
        "</DescriptorName>\n        </MeshHeading>"
        for _ in range(chance.randint(0, 14))
    )
    references = "".join(
        f"\n          <Reference>\n            <Citation>{words(10, 20)}</Citation>\n"
        "            <ArticleIdList>\n"
        f'              <ArticleId IdType="pubmed">{chance.randrange(30000000)}</ArticleId>\n'
        "            </ArticleIdList>\n          </Reference>"
        for _ in range(chance.choice([0, 0, 0, 5, 12]))
    )
    return f"""  <PubmedArticle>
    <MedlineCitation Status="MEDLINE" Owner="NLM">
      <PMID Version="1">{pmid}</PMID>
      <DateRevised>
        <Year>2023</Year>
        <Month>12</Month>
        <Day>13</Day>
      </DateRevised>
      <Article PubModel="Print">
        <Journal>
          <JournalIssue CitedMedium="Internet">
            <PubDate>
              <Year>{chance.randint(1970, 2023)}</Year>
            </PubDate>
          </JournalIssue>
          <Title>{words(2, 5)}</Title>
        </Journal>
        <ArticleTitle>{note}{words(8, 18)}.</ArticleTitle>
        <ELocationID EIdType="doi" ValidYN="Y">10.1000/{pmid}</ELocationID>
        {f"<Abstract>{abstract}" + chr(10) + "        </Abstract>" if chance.random() < 0.8 else ""}
        <AuthorList CompleteYN="Y">{authors}
        </AuthorList>
        <Language>eng</Language>
      </Article>
      <MeshHeadingList>{mesh}
      </MeshHeadingList>
    </MedlineCitation>
    <PubmedData>
      <ArticleIdList>
        <ArticleId IdType="pubmed">{pmid}</ArticleId>
        <ArticleId IdType="doi">10.1000/{pmid}</ArticleId>
      </ArticleIdList>
      <ReferenceList>{references}
      </ReferenceList>
    </PubmedData>
  </PubmedArticle>
"""


def make(folder: Path, mb: int) -> int:
    """Write a baseline file and an update file; return the bytes of XML in them."""
    chance = random.Random(1)
    size, pmid, total = 0, 0, 0
    body = [HEAD]
    while size < mb * 10**6 * 10 // 11:
        pmid += 1
        body.append(citation(pmid, chance))
        size += len(body[-1].encode())
    update = [HEAD, *(citation(one, chance, "Revised: ") for one in range(1, pmid, 10))]
    update.append(
        "<DeleteCitation>\n" + "".join(f'<PMID Version="1">{one}</PMID>\n' for one in range(5, pmid, 100))
    )
    update.append("</DeleteCitation>\n")
    for name, parts in {"pubmed24n0001": body, "pubmed24n0002": update}.items():
        data = "".join([*parts, "</PubmedArticleSet>\n"]).encode()
        total += len(data)
        (folder / f"{name}.xml.gz").write_bytes(gzip.compress(data, 6))
    return total


def read(folder: Path) -> int:
    """Read all of it with kbtools."""
    return sum(batch.num_rows for batch in corpus.documents(f"pubmed:{folder}"))


def plan(folder: Path) -> int:
    """Only find out which citations count."""
    with tempfile.TemporaryDirectory() as room:
        return len(list(corpus.plan(f"pubmed:{folder}", Path(room))))


def iterparse(folder: Path) -> int:
    """Read title and abstract of all citations, as scripts do."""
    found = 0
    for path in sorted(folder.glob("*.gz")):
        with gzip.open(path) as file:
            found += len(list(_texts(file)))
    return found


def _texts(file: gzip.GzipFile) -> Iterator[tuple[str | None, str]]:
    for _, element in ElementTree.iterparse(file):
        if element.tag == "PubmedArticle":
            parts = element.findall(".//AbstractText")
            yield element.findtext(".//PMID"), " ".join("".join(one.itertext()) for one in parts)
            element.clear()


def measured(work: Callable[[Path], int], folder: Path, rounds: int) -> tuple[float, int]:
    """Return the least seconds of CPU, and what it counted."""
    best, count = float("inf"), 0
    for _ in range(rounds):
        begin = time.process_time()
        count = work(folder)
        best = min(best, time.process_time() - begin)
    return best, count


def main() -> None:
    """Make files, read them, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        size = make(folder, asked.mb)
        rows = {}
        for work in (read, plan, iterparse):
            seconds, count = measured(work, folder, asked.rounds)
            name = "kbtools" if work is read else work.__name__
            rows[name] = {
                "MB/s": round(size / 1e6 / seconds, 1),
                "seconds": round(seconds, 2),
                "count": count,
            }
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "made-up XML, MB": round(size / 1e6),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "rows": rows,
    }
    if asked.json:
        print(json.dumps(facts, indent=1))
        return
    print(", ".join(f"{key} {value}" for key, value in facts.items() if key != "rows"))
    for name, told in rows.items():
        print(f"{name:<12}{told['MB/s']:>8} MB/s  {told['seconds']:>7} s  {told['count']:>8}")


if __name__ == "__main__":
    main()

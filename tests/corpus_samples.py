"""A small sample of every format of corpora: what tests/test_corpus_contract.py starts from.

Each has two documents at least and, where the format has them, links. Formats that are made of other things
than text (Parquet, artefacts, DocBin) are written by the library that owns them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kbtools import corpus
from tests import tiny_kb, tiny_linked
from tests.corpus_read import document, link

BONN = "http://dbpedia.org/resource/Bonn"


class Sample(NamedTuple):
    """Files by their names, the first of which is the corpus; or something that lays it out in a folder."""

    files: dict[str, bytes]
    lay: Callable[[Path], Path] | None = None
    binary: bool = False  # it is no text that could have other line ends
    exact: bool = False  # line ends are part of the text

    def put(self, folder: Path) -> Path:
        """Lay it out; return where the corpus is."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.lay:
            return self.lay(folder)
        for name, data in self.files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)
        return folder / next(iter(self.files))


def one(name: str, text: str, *, exact: bool = False) -> Sample:
    return Sample({name: text.encode()}, exact=exact)


def lines(name: str, *objects: object) -> Sample:
    return one(name, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects))


def passage(text: str, *mentions: tuple[int, str, str]) -> str:
    inner = "".join(
        f'<annotation id="T{at}"><infon key="type">X</infon><infon key="identifier">{id_}</infon>'
        f'<location offset="{at}" length="{len(words)}"/><text>{words}</text></annotation>'
        for at, words, id_ in mentions
    )
    return f"<passage><offset>0</offset><text>{text}</text>{inner}</passage>"


BIOC = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<collection><source>x</source><date/><key/>\n'
    f"<document><id>7</id>{passage('Gicht in Köln', (0, 'Gicht', 'MESH:D006073'))}</document>\n"
    f"<document><id>8</id>{passage('Ulm')}</document>\n</collection>\n"
)
NIF = f"""@prefix nif: <http://persistence.uni-leipzig.org/nlp2rdf/ontologies/nif-core#> .
@prefix itsrdf: <http://www.w3.org/2005/11/its/rdf#> .
<http://x.org/1#char=0,8> a nif:Context ; nif:isString "in Bonn!" .
<http://x.org/1#char=3,7> nif:referenceContext <http://x.org/1#char=0,8> ; nif:beginIndex 3 ;
  nif:endIndex 7 ; itsrdf:taIdentRef <{BONN}> .
<http://x.org/2#char=0,1> a nif:Context ; nif:isString "é" .
"""
HIPE = (
    "TOKEN NE-COARSE-LIT NE-COARSE-METO NE-FINE-LIT NE-FINE-METO NE-FINE-COMP NE-NESTED"
    " NEL-LIT NEL-METO MISC\n"
    "# hipe2022:document_id = one\nin O O O O O O _ _ _\nBonn B-loc O B-loc O O O Q586 _ _\n\n"
    "# hipe2022:document_id = two\nÜlm B-loc O _ _ _ _ NIL _ _\n"
)
CONLLU = """# newdoc id = one
# text = in Bonn
1 in in ADP _ _ 2 case _ _
2 Bonn Bonn PROPN _ _ 0 root _ SpaceAfter=No

# newdoc id = two
1 Ja ja INTJ _ _ 0 root _ _

"""
RAGANATO = """<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en" source="toy">
<text id="d0">
<sentence id="d0.s0"><wf lemma="the" pos="DET">The</wf>
<instance id="d0.s0.t0" lemma="bank" pos="NOUN">bank</instance></sentence>
</text>
<text id="d1"><sentence id="d1.s0"><wf lemma="no" pos="DET">No</wf></sentence></text>
</corpus>
"""
SEMCOR = """<contextfile concordance=brown>
<context filename=br-x01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=done pos=VB lemma=take_place wnsn=1 lexsn=2:30:00::>took_place</wf>
</s>
</p>
</context>
<context filename=br-x02>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
</s>
</context>
</contextfile>
"""
WNED = """<?xml version="1.0" encoding="UTF-8"?>
<toy.entityAnnotation>
<document docName="one.txt">
<annotation><mention>Bonn</mention><wikiName>Bonn</wikiName><offset>3</offset><length>4</length></annotation>
</document>
<document docName="two.txt"/>
</toy.entityAnnotation>
"""
N3 = f"""<corpus>
<Document id="7"><TextWithNamedEntities><SimpleTextPart>in </SimpleTextPart>
<NamedEntityInText uri="{BONN}">Bonn</NamedEntityInText></TextWithNamedEntities></Document>
<Document id="8"><TextWithNamedEntities><SimpleTextPart>é</SimpleTextPart></TextWithNamedEntities></Document>
</corpus>
"""


def citation(pmid: int, title: str) -> str:
    article = f"<Article><ArticleTitle>{title}</ArticleTitle></Article>"
    return f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>{article}</MedlineCitation></PubmedArticle>\n'  # noqa: E501


def parquet(folder: Path) -> Path:
    pq.write_table(pa.table({"text": ["in Bonn", "é"], "id": ["one", "two"]}), folder / "a.parquet")
    return folder / "a.parquet"


def pages(folder: Path) -> Path:
    page = {"page": 0, "eid": 1, "title": "x", "lang": "en", "text": "in Bonn", "sections": []}
    anchor = {"page": 0, "start": 3, "end": 7, "surface": "Bonn", "target": 2, "target_title": "y"}
    told = {
        "pages": [page, page | {"page": 1, "eid": None, "text": "é"}],
        "anchors": [anchor | {"kind": "link"}],
    }
    return tiny_kb.write(folder / "kb", {**tiny_kb.world(), **told}, name="wiki")


def linked(folder: Path) -> Path:
    kb = tiny_kb.write(folder / "kb", tiny_kb.world(), name="tiny")
    told = [
        tiny_linked.document("one", "in Bonn", [tiny_linked.mention(3, 7, 1)]),
        tiny_linked.document("two", "é", []),
    ]
    return tiny_linked.write(folder / "linked", [kb], told)


def docbin(folder: Path) -> Path:
    rows = [document("one", "in Bonn", [link(3, 7, id="Q586", kb="wikidata")]), document("two", "é", [])]
    file = io.BytesIO()
    corpus.write("docbin", [pa.RecordBatch.from_pylist(rows, schema=corpus.DOCUMENTS)], file)
    (folder / "a.spacy").write_bytes(file.getvalue())
    return folder / "a.spacy"


MENTION = {"start": 3, "end": 7, "id": "Q586", "kb": "wikidata", "kind": "gold"}
ENTITY = {"uri": "http://www.wikidata.org/entity/Q586", "boundaries": [3, 7], "surfaceform": "Bonn",
          "annotator": "Spotlight"}  # fmt: skip
TREX = {"title": "x", "uri": "http://x.org", "text": "in Bonn", "sentences_boundaries": [[0, 7]],
        "words_boundaries": [], "entities": [ENTITY], "triples": []}  # fmt: skip
PAGE = [{"answer": "Bonn", "provenance": [{"wikipedia_title": "Bonn", "wikipedia_id": "7"}]}]
CHANGE = {"source": "WIKI", "id": "Q586", "relation": [], "parent_id": [], "span": [1, 2]}

SAMPLES: dict[str, Sample] = {
    "bioc": one("a.xml", BIOC),
    "brat": Sample({
        "a.txt": b"in Bonn", "a.ann": b"T1\tPlace 3 7\tBonn\nN1\tReference T1 Wikidata:Q586\tBonn\n",
    }, exact=True),
    "conll": one("a.conll", "-DOCSTART- (1)\nin\nBonn\tB\tBonn\tBonn\n\n-DOCSTART- (2)\né\n"),
    "conllu": one("a.conllu", "\n".join(
        line if line.startswith("#") else line.replace(" ", "\t") for line in CONLLU.split("\n")
    )),
    "dialogues": lines(
        "a.jsonl",
        {"id": 7, "turns": [{"speaker": "A", "text": "in Bonn", "links": [MENTION]}]},
        {"id": 8, "turns": [{"speaker": "é", "text": "é"}]},
    ),
    "docbin": Sample({}, docbin, binary=True),
    "elevant": lines(
        "a.benchmark.jsonl",
        {"id": 7, "title": "x", "text": "in Bonn", "evaluation_span": [0, 7],
         "labels": [{"id": 0, "span": [3, 7], "entity_id": "Q586", "name": "Bonn", "type": "Q515"}]},
        {"id": 8, "title": "y", "text": "é", "evaluation_span": [0, 1], "labels": []},
    ),
    "hipe": one("a.tsv", "\n".join(
        line if line.startswith("#") else line.replace(" ", "\t") for line in HIPE.split("\n")
    )),
    "jats": one("a.xml", "<article><front><article-meta><title-group><article-title>On é</article-title>"
                "</title-group></article-meta></front><body><p>in Bonn</p></body></article>\n"),
    "jsonl": lines("a.jsonl", {"id": "one", "text": "in Bonn", "mentions": [MENTION]}, {"text": "é"}),
    "kilt": lines(
        "a.jsonl", {"id": "a", "input": "in [START_ENT] Bonn [END_ENT]", "output": PAGE},
        {"id": "b", "input": "é?", "output": [{"answer": "no"}]},
    ),
    "linked": Sample({}, linked, binary=True),
    "n3": one("a.xml", N3),
    "nif": one("a.ttl", NIF),
    "pages": Sample({}, pages, binary=True),
    "parquet": Sample({}, parquet, binary=True),
    "pubmed": one("pubmed24n0001.xml", "<PubmedArticleSet>\n" + citation(1, "On Bonn") + citation(2, "é")
                  + "</PubmedArticleSet>\n"),
    "pubtator": one("a.pubtator", "7|t|Gicht.\n7|a|Alt.\n7\t0\t5\tGicht\tDisease\tMESH:D006073\n\n"
                    "8|t|é\n8|a|\n"),
    "raganato": Sample({"a.data.xml": RAGANATO.encode(), "a.gold.key.txt": b"d0.s0.t0 bank%1:17:01::\n"}),
    "semcor": one("br-x01", SEMCOR),
    "relations": lines(
        "a.jsonl", {"token": ["in", "Bonn", "é"], "relation": "x", "h": {"id": "Q586", "pos": [1, 2]},
                    "t": {"pos": [2, 3]}},
        {"text": "é in Ulm", "label": "y", "ents": [["Q3012", 5, 8, 0.5], ["Q1", 0, 1, 0.5]], "ann": []},
    ),
    "table": one("a.tsv", "text_a\tlabel\nin Bonn\t1\né\t0\n"),
    "text": one("a.txt", "in\nBonn é\n", exact=True),
    "trex": one("a.json", json.dumps([{"docid": "1", **TREX}, {"docid": "2", **TREX}])),
    "typed": lines(
        "a.jsonl", {"sent": "in Bonn é", "start": 3, "end": 7, "labels": ["city"],
                    "ents": [["Q586", 3, 7, 1]]},
        {"tokens": ["é", "Ulm"], "mentions": [{"start": 1, "end": 2, "labels": ["/city"]}]},
    ),
    "wikitext": lines(
        "a.jsonl", {"title": "Bonn", "tokens": ["in", "Bonn", "."], "annotations": [CHANGE]},
        {"title": "x", "tokens": ["é"], "annotations": []},
    ),
    "wned": Sample({"a.xml": WNED.encode(), "RawText/one.txt": b"in Bonn", "RawText/two.txt": "é".encode()}),
}  # fmt: skip

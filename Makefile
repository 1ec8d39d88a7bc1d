# `make` alone lists what can be made. Two do all the set-up that there is: `make demo` and `make test`.

PYTHON ?= python3
PIP_TORCH_INDEX ?=
TEST_WORKERS ?= 2
BIN := .venv/bin
READY := .venv/.ready
TREE := --kb demo/kb --alias demo/alias -o choice.by=informativeness -o choice.said=false -o literals=none
LEARN := -o run.steps=800 -o run.evaluate=200 -o optimiser.lr=3e-3 -o optimiser.bias_correction=true \
	-o model.text.initializer_range=0.1 -o model.text.hidden_dropout_prob=0 \
	-o model.text.attention_probs_dropout_prob=0 -o objectives.mlm.rate=0.25 -o objectives.nsp.weight=0.1
SMALL := --kb demo/kb --vectors demo/vectors --tokenizer demo/tokenizer -o max_length=64 -o dev=0.1
VECTORS := -o triples.without=P1889 -o triples.hold_out=0.1 -o judge.every=5 -o judge.patience=2
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	$(if $(PIP_TORCH_INDEX),--extra-index-url $(PIP_TORCH_INDEX))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help: ## list what can be made
	@sed -n 's/^\([a-z.-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.venv: $(READY) ## the program and its tools in ./.venv, in the versions of constraints.txt

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("kbtools needs Python 3.11 or newer, \
	this is %s; name another: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable '.[dev,link,train,plot]'
	@touch $@

demo: $(READY) ## a tiny world from Wikidata, Wikipedia, WordNet and UMLS becomes tables, names, linked text, trees, examples, vectors, models
	$(BIN)/kbtools ingest wikidata data/sample/wikidata.json.gz --langs en,zh --out demo/kb --overwrite
	$(BIN)/kbtools inspect demo/kb --rows 0
	@echo; echo 'Which names mean many things? The most linked meaning of each comes first.'
	@$(BIN)/kbtools sql demo/kb "$$AMBIGUOUS"
	@echo; echo 'Which cities lie in which country?'
	@$(BIN)/kbtools sql demo/kb "$$CITIES"
	@echo; echo 'The next release: known entities keep their numbers, merged ones lead on.'
	$(BIN)/kbtools ingest wikidata data/sample/wikidata-next.json.gz --langs en,zh \
		--redirects data/sample/redirects.nt.gz --ids-from demo/kb --out demo/next --overwrite
	$(BIN)/kbtools diff demo/kb demo/next
	@echo; echo 'Wikipedia over Wikidata: its pages, and what its links call the entities.'
	$(BIN)/kbtools ingest wikipedia data/sample/wikipedia/enwiki-pages-articles.xml \
		--onto demo/kb --out demo/wikipedia --overwrite --quiet
	@$(BIN)/kbtools sql demo/kb demo/wikipedia "$$LINKS"
	@echo; echo 'WordNet, and Chinese and German words over it.'
	$(BIN)/kbtools ingest wordnet data/sample/wordnet/dict --out demo/wordnet --overwrite --quiet
	$(BIN)/kbtools ingest wnlmf data/sample/wnlmf/wn-data-cmn.tab data/sample/wnlmf/omw-de.xml --ids offset \
		--onto demo/wordnet --out demo/wordnets --overwrite --quiet
	@$(BIN)/kbtools sql demo/wordnet demo/wordnets "$$WORDS"
	@echo; echo 'What do names mean? All that says so, counted; each spelling for itself, and how often it is a link.'
	$(BIN)/kbtools alias demo/kb demo/wikipedia demo/wordnet demo/wordnets --out demo/alias --overwrite --quiet
	@echo; $(BIN)/kbtools explain surface Apple --alias demo/alias
	@echo; $(BIN)/kbtools explain surface 蘋果 --alias demo/alias
	@echo; echo 'Every name in a sentence, overlapping ones too: where, found how, how often a link, what it may mean.'
	@$(BIN)/python -c "$$NAMES"
	@echo; echo 'What is misspelt is found by its letters, what is described by its words.'
	$(BIN)/kbtools index demo/alias --kind fuzzy --out demo/fuzzy --overwrite --quiet
	$(BIN)/kbtools index demo/kb --kind dense --out demo/dense --overwrite --quiet
	@$(BIN)/python -c "$$SEARCH"
	@echo; echo 'Is the right entity among the candidates? 82 mentions, made to be hard: each source, then all fused.'
	$(BIN)/kbtools eval candidates --alias demo/alias --index demo/fuzzy --index demo/dense \
		--data data/sample/mentions.jsonl --out demo/candidates --overwrite --quiet
	@echo; echo 'UMLS and Wikidata: one knowledge base, joined by cross references.'
	$(BIN)/kbtools ingest umls data/sample/umls/META --out demo/umls --overwrite --quiet
	$(BIN)/kbtools merge demo/kb demo/umls --on xref --out demo/both --overwrite --quiet
	@$(BIN)/kbtools sql demo/both "$$JOINED"
	@echo; echo 'Text with links: 687 small documents. By names alone, and by the words around and what belongs together.'
	$(BIN)/kbtools index demo/kb demo/wikipedia demo/wordnet demo/wordnets --kind profile --out demo/profile \
		--overwrite --quiet
	$(BIN)/kbtools link data/sample/corpus/en.jsonl --alias demo/alias --with prior --out demo/linked-prior \
		--overwrite --quiet
	$(BIN)/kbtools link data/sample/corpus/en.jsonl --alias demo/alias --index demo/profile --with coherence \
		--out demo/linked --overwrite --quiet
	$(BIN)/kbtools link data/sample/corpus/zh.jsonl --alias demo/alias --index demo/profile --with coherence \
		--out demo/linked-zh --overwrite --quiet
	@echo; echo 'One name, several meanings: how often, and where.'
	@$(BIN)/kbtools sql demo/linked demo/kb "$$MEANT_EN"
	@$(BIN)/kbtools sql demo/linked-zh demo/kb "$$MEANT_ZH"
	@echo; echo 'Why? Every mention, every candidate, and what speaks for it.'
	$(BIN)/kbtools explain text 'Mercury sang with Queen in London.' --alias demo/alias --index demo/profile \
		--with coherence --top 3
	@echo; echo 'Beside what is right: how much better than names alone?'
	$(BIN)/kbtools eval linking --linked demo/linked-prior --linked demo/linked --data data/sample/corpus/en.jsonl \
		--of wikidata --out demo/links --overwrite --quiet
	$(BIN)/kbtools explain text --corpus data/sample/corpus/en.jsonl --first 12 --alias demo/alias \
		--index demo/profile --with coherence --html demo/text.html
	@echo; echo 'What a knowledge base adds to a sentence: facts, as branches. ● is in the tree, ○ is not: the last column says why.'
	$(BIN)/kbtools explain tree 'Mozart wrote The Magic Flute in Vienna.' $(TREE) --top 3
	@echo; $(BIN)/kbtools explain tree 爱因斯坦出生在乌尔姆。 $(TREE) --lang zh --top 2
	@$(BIN)/kbtools explain tree 'Mozart wrote The Magic Flute in Vienna.' $(TREE) --html demo/tree.html
	@echo; echo 'A tokenizer of both languages; a tree of each Chinese sentence, whose names were linked above.'
	$(BIN)/kbtools vocab data/sample/corpus/en.jsonl data/sample/corpus/zh.jsonl --size 2000 --out demo/tokenizer \
		--overwrite --quiet
	$(BIN)/kbtools tree demo/linked-zh --kb demo/kb --lang zh --tokenizer demo/tokenizer \
		-o choice.by=informativeness -o literals=none --out demo/trees --overwrite --quiet
	@echo; echo 'What a model reads: pairs of text, each name with its candidates and their priors.'
	$(BIN)/kbtools shard demo/linked --for knowbert --tokenizer demo/tokenizer --out demo/shards \
		-o max_length=64 --overwrite --quiet
	$(BIN)/kbtools inspect demo/shards --decode 1 --seed 55
	@echo; echo 'And which facts can it learn there? Those whose two ends it meets together.'
	$(BIN)/kbtools inspect demo/shards --exposure --kb demo/kb --top 4 --rows 2
	@echo; echo 'Vectors of entities, learned from triples: all but P1889 (different from), which would put namesakes together. A tenth is kept back, to see how long they get better.'
	$(BIN)/kbtools embed demo/kb --model transe --out demo/vectors $(VECTORS) --overwrite --quiet
	@echo; $(BIN)/kbtools inspect demo/vectors --near Berlin --rows 4
	@echo; $(BIN)/kbtools inspect demo/vectors --near 'Freddie Mercury' --rows 4
	@echo; echo 'Which head, which tail? The ranks of the right ones among all entities, other right ones left out.'
	$(BIN)/kbtools eval linkprediction --vectors demo/vectors --data demo/kb --split valid \
		--out demo/linkprediction --overwrite --quiet
	@echo; echo 'A model in small reads the texts fifteen times, some words hidden: BERT, with two layers.'
	$(BIN)/kbtools shard data/sample/corpus/en.jsonl --for bert --tokenizer demo/tokenizer --out demo/shards-bert \
		-o max_length=64 -o dev=0.1 --overwrite --quiet
	$(BIN)/kbtools train bert.tiny --shards demo/shards-bert --out demo/run $(LEARN) --overwrite --quiet
	@echo; echo 'What does it put in place of a hidden word? By now it has an idea of what kind of word goes there, and knows hardly a fact.'
	@$(BIN)/python -c "$$HIDDEN"
	@echo; echo 'A model that finds out what names mean while it reads: KnowBert in small. It learns from 194 documents that tell, and links 94 others, beside names alone: more of the spans that are given are right, and more is linked that is no name.'
	@mkdir -p demo/told && for split in train test; do \
		grep "\"split\":\"$$split\"" data/sample/corpus/en.jsonl > demo/told/$$split.jsonl; done
	$(BIN)/kbtools alias demo/kb demo/wikipedia --out demo/names --overwrite --quiet
	$(BIN)/kbtools link demo/told/train.jsonl --alias demo/names --with knowbert-wiki-gold --out demo/linked-told \
		--overwrite --quiet
	$(BIN)/kbtools shard demo/linked-told --for knowbert_linking $(SMALL) --out demo/shards-links --overwrite --quiet
	$(BIN)/kbtools shard demo/linked-told --for knowbert $(SMALL) --out demo/shards-text --overwrite --quiet
	$(BIN)/kbtools train knowbert.tiny --shards links=demo/shards-links --shards text=demo/shards-text \
		--vectors demo/vectors --out demo/knowbert --overwrite --quiet
	$(BIN)/kbtools link demo/told/test.jsonl --alias demo/names --with prior --out demo/linked-names \
		--overwrite --quiet
	$(BIN)/kbtools link demo/told/test.jsonl --alias demo/names --with knowbert:demo/knowbert \
		--out demo/linked-knowbert --overwrite --quiet
	$(BIN)/kbtools eval linking --linked demo/linked-names --linked demo/linked-knowbert \
		--data demo/told/test.jsonl --of wikidata --out demo/links-knowbert --overwrite --quiet
	@echo; echo 'To look at: demo/tree.html (a sentence tree), demo/text.html (text beside what is right), demo/links/report.html (scores), demo/candidates/report.html, demo/linkprediction/report.html (with a map of the vectors), demo/run/curves.svg (how the model learned)'

test: $(READY) ## all tests but those that take long
	$(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal

test-long: $(READY) ## the tests that take long
	$(BIN)/pytest -m long

check: $(READY) ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY) ## the speed and the memory of ingest, beside a plain script and the limit; some minutes
	$(BIN)/python benchmarks/ingest_wikidata.py

clean: ## remove all that was made here, .venv too
	rm -rf .venv demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help .venv demo test test-long check bench clean

define AMBIGUOUS
WITH meanings AS (SELECT DISTINCT text AS name, eid FROM surfaces),
     names AS (SELECT name, count(*) AS n FROM meanings GROUP BY name ORDER BY n DESC, name LIMIT 4)
SELECT name, e.in_degree AS links, e.id, e.label, e.description
FROM names JOIN meanings USING (name) JOIN entities e USING (eid)
ORDER BY n DESC, name, links DESC, e.id
endef
export AMBIGUOUS

define LINKS
SELECT a.surface AS "called", e.id, e.label, count(*) AS links,
    first(p.title || ': … ' || p.text[greatest(a.start::INT - 29, 1):a.end + 20] || ' …' ORDER BY page, start) AS "for one"
FROM anchors a JOIN pages p USING (page) JOIN entities e ON e.eid = a.target
WHERE lower(a.surface) <> lower(e.label)
GROUP BY ALL ORDER BY links DESC, surface, e.id LIMIT 6
endef
export LINKS

define WORDS
SELECT e.id,
    string_agg(DISTINCT text, ', ' ORDER BY text) FILTER (s.lang = 'en') AS english,
    string_agg(DISTINCT text, ', ' ORDER BY text) FILTER (s.lang = 'zh') AS chinese,
    string_agg(DISTINCT text, ', ' ORDER BY text) FILTER (s.lang = 'de') AS german,
    min(super.label) AS supersense
FROM surfaces s JOIN entities e USING (eid) JOIN types USING (eid) JOIN entities super ON super.eid = types.type
WHERE s.source = 'lemma' GROUP BY e.id HAVING chinese <> '' AND german <> '' ORDER BY e.id LIMIT 6
endef
export WORDS

define NAMES
from kbtools.alias import Alias
from kbtools.alias.schema import LEVELS
from kbtools.kb.reader import Kb

text = "In 蘋果公司 nobody eats apples: Jobs's Apple has more in common with Queen's Mercury."
alias, entities = Alias("demo/alias"), Kb("demo/kb").table("entities", ["id", "label"]).to_pylist()
spans = alias.scan([text])
found = [[] for _ in spans.start]
for row in alias.candidates(spans).to_pylist():
    if alias.kbs[row["kb"]].name == "wikidata" and len(found[row["query"]]) < 3:
        found[row["query"]].append("%(id)s %(label)s" % entities[row["eid"]] + f" {row['prior']:.2f}")
print(text)
for start, end, level, link, best in zip(spans.start, spans.end, spans.level, spans.link, found):
    if best:
        print(f"  {start:>3}–{end:<3} {LEVELS[level]:<7} {link:>4.0%}  {text[start:end]}  →  {', '.join(best)}")
endef
export NAMES

define SEARCH
from kbtools import linkers
from kbtools.kb.reader import Kb

entities = [Kb(kb).table("entities", ["id", "label"]).to_pylist() for kb in ("demo/kb", "demo/wordnet")]
for kind, query in (("fuzzy", "Shakespere"), ("fuzzy", "Obama, Barak"), ("fuzzy", "爱因斯但"),
                    ("dense", "the longest river in Asia"), ("dense", "founder of SpaceX")):
    hits = linkers.open_index(f"demo/{kind}").search([query], 3)
    best = ["%(id)s %(label)s" % entities[kb][eid] + f" {score:.2f}" for kb, eid, score in zip(*hits[1:])]
    print(f"  {kind}  {query}  →  {', '.join(best)}")
endef
export SEARCH

define HIDDEN
import torch
from transformers import AutoModel, AutoTokenizer

import kbtools.models

model, tokenizer = (kind.from_pretrained("demo/run/model") for kind in (AutoModel, AutoTokenizer))
for text in ("The report was [MASK] by Edith Okonkwo.", "Meridian Wire could not confirm [MASK] on Tuesday.",
             "Samir [MASK]: I read War and Peace twice.", "Rome is the capital of [MASK]."):
    words = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        states = model(**words).last_hidden_state[words["input_ids"] == tokenizer.mask_token_id]
        best = model.heads["lm"](states, model.words).softmax(-1)[0].topk(4)
    told = zip(tokenizer.convert_ids_to_tokens(best.indices), best.values)
    print(f"  {text}  →  {', '.join(f'{word} {p:.2f}' for word, p in told)}")
endef
export HIDDEN

define JOINED
SELECT e.id, e.label, x.value AS cui, string_agg(DISTINCT class.label, ', ' ORDER BY class.label) AS types,
    (SELECT count(*) FROM surfaces s WHERE s.eid = e.eid) AS names
FROM entities e JOIN xref x ON x.eid = e.eid AND x.scheme = 'umls'
JOIN types ON types.eid = e.eid JOIN entities class ON class.eid = types.type
GROUP BY ALL ORDER BY names DESC, e.id LIMIT 6
endef
export JOINED

define MEANT_EN
WITH told AS (SELECT text, unnest(mentions) AS m FROM linked.documents)
SELECT text[m.start + 1:m.end] AS name, e.id, e.label, count(*) AS times,
    first('… ' || text[greatest(m.start::INT - 29, 1):m.end + 25] || ' …' ORDER BY m.p DESC, text) AS "for one"
FROM told JOIN wikidata.entities e ON e.eid = m.eid
WHERE m.kb = 0 AND name IN ('Mercury', 'Jordan') GROUP BY ALL ORDER BY name, times DESC, e.id
endef
export MEANT_EN

define MEANT_ZH
WITH told AS (SELECT text, unnest(mentions) AS m FROM linked.documents)
SELECT text[m.start + 1:m.end] AS name, e.id, e.label, count(*) AS times,
    first('…' || text[greatest(m.start::INT - 9, 1):m.end + 10] || '…' ORDER BY m.p DESC, text) AS "for one"
FROM told JOIN wikidata.entities e ON e.eid = m.eid
WHERE m.kb = 0 AND name IN ('水星', '林肯') GROUP BY ALL ORDER BY name, times DESC, e.id
endef
export MEANT_ZH

define CITIES
SELECT country.label AS country, string_agg(DISTINCT city.label, ', ' ORDER BY city.label) AS cities
FROM triples t
JOIN relations r ON r.rid = t.relation AND r.id = 'P17'
JOIN entities city ON city.eid = t.head
JOIN entities country ON country.eid = t.tail
JOIN types ON types.eid = city.eid
JOIN classes c ON c.type = types.type
JOIN entities class ON class.eid = c.ancestor AND class.id = 'Q515'
WHERE t.best
GROUP BY country.label ORDER BY country.label
endef
export CITIES

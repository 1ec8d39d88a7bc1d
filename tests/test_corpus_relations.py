"""Sentences with two ends and a relation, in the shapes that data sets have; mentions with types."""

from __future__ import annotations

import json

import pytest

from tests.corpus_read import Read

FEWREL = {
    "P17": [
        {
            "tokens": ["Ulm", ",", "in", "Germany", ",", "is", "Ulm", "."],
            "h": ["ulm", "Q3012", [[0], [6]]],
            "t": ["germany", "Q183", [[3]]],
        }
    ],
    "P36": [{"tokens": ["a", "b"], "h": ["a", None, [[0]]], "t": ["b", "Q2", [[1]]]}],
}
TACRED = {
    "id": "e7", "relation": "per:title", "token": ["Ada", "May", ",", "chair", "."],
    "subj_start": 0, "subj_end": 1, "obj_start": 3, "obj_end": 3, "subj_type": "PERSON", "obj_type": "TITLE",
}  # fmt: skip
SEMEVAL = (
    '1\t"The <e1>lid</e1> of a <e2>box</e2>."\r\nComponent-Whole(e1,e2)\r\nComment: one\r\n\r\n'
    '2\t"<e2>Rain</e2> after <e1>sun</e1>"\r\nOther\r\nComment:\r\n\r\n'
    '3\t"no marks"\r\nOther\r\n\r\n'
    '4\t"A <e1>b</e1> c <e2>d</e2>."\r\n'
)


def put(tmp_path, name, told):
    path = tmp_path / name
    path.write_text(told if isinstance(told, str) else json.dumps(told, ensure_ascii=False), newline="")
    return path


def facts(read, number):
    """The relations of a document, with the words of their ends."""
    text = read.texts[number]
    return [
        (one["type"], text[slice(*one["head_at"])], text[slice(*one["tail_at"])])
        for one in read.meta(number)["relations"]
    ]


def test_fewrel_the_first_of_several_places_is_meant(tmp_path):
    read = Read(f"relations:{put(tmp_path, 'a.json', FEWREL)}")
    assert read.names == ["a.json:P17:1", "a.json:P36:1"]
    assert read.texts[0] == "Ulm, in Germany, is Ulm."
    assert facts(read, 0) == [("P17", "Ulm", "Germany")]
    assert read.meta()["relations"][0]["head_at"] == [0, 3]
    assert read.told("id", "kb", "kind", of=0) == [
        ("Ulm", "Q3012", "wikidata", "gold"),
        ("Germany", "Q183", "wikidata", "gold"),
        ("Ulm", "Q3012", "wikidata", "gold"),
    ]
    assert read.told("id", "kb", "kind", of=1)[0] == ("a", None, None, "ner")
    assert read.meta()["label"] == "P17"


def test_tacred_ends_count_in_and_types_are_kept(tmp_path):
    read = Read(f"relations:{put(tmp_path, 'a.json', [TACRED, {**TACRED, 'subj_end': 9}, {'id': 3}])}")
    assert read.names == ["e7"]
    assert facts(read, 0) == [("per:title", "Ada May", "chair")]
    assert read.told("type", "kind") == [("Ada May", "PERSON", "ner"), ("chair", "TITLE", "ner")]
    assert [why for _, why in read.rejects] == [
        "an end 0..10 is empty or beyond the 5 tokens",
        "no sentence: none of token, tokens, text",
    ]


def test_ernies_shape_and_opennres(tmp_path):
    one = {"text": "Ulm in Germany", "label": "P17", "ents": [["Q3012", 0, 3, 0.9], ["Q183", 7, 14, 1]],
           "ann": [["Q183", 7, 14, 0.5], ["Q9", 12, 99, 0.5]]}  # fmt: skip
    two = {"token": ["a", "b"], "relation": "r", "h": {"name": "a", "id": "Q1", "pos": [0, 1]},
           "t": {"name": "b", "id": "", "pos": [1, 2]}}  # fmt: skip
    read = Read(f"relations:{put(tmp_path, 'a.jsonl', json.dumps(one) + chr(10) + json.dumps(two))}")
    assert facts(read, 0) == [("P17", "Ulm", "Germany")]
    assert read.told("id", "kind", "p", of=0)[1:] == [
        ("Germany", "Q183", "gold", None),
        ("Germany", "Q183", "dictionary", 0.5),
    ]
    assert facts(read, 1) == [("r", "a", "b")]
    assert read.told("id", "kind", of=1) == [("a", "Q1", "gold"), ("b", None, "ner")]
    assert read.rejects == [(1, "a mention 12..99 is empty or beyond the 14 characters")]


def test_semeval_directions_stay_and_the_head_is_e1(tmp_path):
    read = Read(f"relations:{put(tmp_path, 'a.txt', SEMEVAL)}")
    assert read.texts == ["The lid of a box.", "Rain after sun", "A b c d."]
    assert facts(read, 0) == [("Component-Whole(e1,e2)", "lid", "box")]
    assert facts(read, 1) == [("Other", "sun", "Rain")]
    assert read.meta(2) is None  # of a test nothing is told
    assert read.names[2] == "a.txt:4"
    assert read.rejects == [(9, "no sentence with <e1>..</e1> and <e2>..</e2>")]


def test_duie_words_are_looked_for(tmp_path):
    told = {"text": "《甲》是乙导演的", "spo_list": [
        {"subject": "甲", "predicate": "导演", "object": "乙"},
        {"subject": "甲", "predicate": "上映", "object": {"@value": "丙"}},
    ]}  # fmt: skip
    read = Read(f"relations:{put(tmp_path, 'a.json', told)}", "lang=zh")
    assert facts(read, 0) == [("导演", "甲", "乙")]
    assert read.report.counts["facts whose words are not in the text"] == 1


@pytest.mark.parametrize(
    "told", ["{}", '{"P17": ["located in", "country"]}', '{"a": 1}', "[[]]", '[{"text": ""}]']
)
def test_what_has_no_sentences_is_rejected_once(told, tmp_path):
    read = Read(f"relations:{put(tmp_path, 'a.json', told)}")
    assert read.rows == []
    assert len(read.rejects) == 1


def test_mentions_with_types_in_all_shapes(tmp_path):
    rows = [
        {"sent": "in Ulm", "start": 3, "end": 6, "labels": ["place"], "ents": [["Q3012", 3, 6, 0.7]]},
        {"tokens": ["Ada", "May", "in", "Ulm", "."], "mentions": [
            {"start": 0, "end": 2, "labels": ["/person"]}, {"start": 3, "end": 9, "labels": ["/place"]}]},
        {"left_context_token": ["In"], "mention_span": "the town", "right_context_token": ["."],
         "annot_id": "x/1", "y_str": ["town", "place"]},
        {"sent": "Ulm", "start": 2, "end": 2},
    ]  # fmt: skip
    read = Read(f"typed:{put(tmp_path, 'a.json', rows)}")
    told = [
        [(text[slice(*one["at"])], one["labels"]) for one in read.meta(number)["mentions"]]
        for number, text in enumerate(read.texts)
    ]
    assert told == [[("Ulm", ["place"])], [("Ada May", ["/person"])], [("the town", ["town", "place"])], []]
    assert read.told("id", "kind", of=0) == [("Ulm", None, "ner"), ("Ulm", "Q3012", "dictionary")]
    assert read.names == ["a.json:1", "a.json:2", "x/1", "a.json:4"]
    assert [why for _, why in read.rejects] == [
        "a mention 3..9 is empty or beyond the 5 tokens",
        "a mention 2..2 is empty or beyond the 3 characters",
    ]


def test_real_sets_have_their_published_sizes(realdata):
    read = Read(f"relations:{realdata}/re/fewrel/val_wiki.json")
    assert (len(read.rows), len({read.meta(n)["label"] for n in range(0, 11_200, 100)})) == (11_200, 16)
    assert read.rejects == []
    read = Read(f"relations:{realdata}/re/semeval2010-task8/SemEval2010_task8_training/TRAIN_FILE.TXT")
    labels = [read.meta(n)["label"] for n in range(len(read.rows))]
    assert (len(labels), len({*labels}), labels.count("Other")) == (8000, 19, 1410)
    assert read.rejects == []
    read = Read(f"typed:{realdata}/ner/figer_50k/dev.json")
    assert read.rejects == []

"""Every file of the HowNet folders: what it is read as, or why it is refused."""

import pytest

from kbtools import api
from kbtools.errors import SourceError
from kbtools.kb.reader import Kb
from kbtools.sources.hownet import SOURCE
from tests.staged_source import Staged

READ = {  # file -> records read, entities, triples
    "openhownet/HowNet Taxonomy AttributeValue.txt": (887, 887, 886),
    "openhownet/HowNet Taxonomy Event.txt": (804, 866, 939),
    "openhownet/HowNet Taxonomy SecondaryFeature.txt": (134, 134, 133),
    "openhownet/sememe_all.txt": (2187, 2187, 0),
    "openhownet/sememe_triples_taxonomy.txt": (3316, 1741, 3316),
    "se-wrl/SememeFile": (1983, 1983, 0),
}
REFUSED = {
    "se-wrl/Sogou-T(sample).txt": "looks like running text",
    "se-wrl/analogy.txt": "holds analogies between words",
    "se-wrl/wordsim-240.txt": "pairs of words with a number",
    "se-wrl/wordsim-297.txt": "pairs of words with a number",
}


@pytest.mark.parametrize("name", READ)
def test_a_file_that_is_read(name, realdata, tmp_path):
    found = Staged(tmp_path, SOURCE, realdata / "hownet" / name)
    numbers = found.counts["read"], len(found["entities"]), len(found["triples"])
    assert numbers == READ[name]
    assert found.rejects == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused(name, realdata, tmp_path):
    with pytest.raises(SourceError, match=REFUSED[name]):
        Staged(tmp_path, SOURCE, realdata / "hownet" / name)


def test_there_are_no_other_files(realdata):
    folder = realdata / "hownet"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize(
    ("kind", "shared"), [("AttributeValue", 281), ("Event", 609), ("SecondaryFeature", 40)]
)
def test_trees_and_triples_agree_on_every_sememe_that_both_have(kind, shared, realdata, tmp_path):
    folder = realdata / "hownet/openhownet"
    triples = Staged(tmp_path / "a", SOURCE, folder / "sememe_triples_taxonomy.txt").edges("hypernym")
    tree = Staged(tmp_path / "b", SOURCE, folder / f"HowNet Taxonomy {kind}.txt").edges("hypernym")
    parents = {head: tail for head, _, tail in triples}
    both = [(tail, parents[head]) for head, _, tail in tree if head in parents]
    assert len(both) == shared
    assert [pair for pair in both if pair[0] != pair[1]] == []


def test_all_triples_of_hownet_spo(realdata, tmp_path):
    path = realdata / "kbert/kgs/HowNet.spo"
    rows = [tuple(line.split("\t")) for line in path.read_text("utf-8").splitlines()]
    names = list(dict.fromkeys(name for head, _, tail in rows for name in (head, tail)))
    api.ingest("hownet", [path], tmp_path / "kb")
    kb = Kb(tmp_path / "kb")
    assert kb.table("triples").num_rows == len(rows) == 52_576
    entities = kb.table("entities")
    assert entities.column("id").to_pylist() == names
    triples = kb.table("triples").select(["head", "tail", "statement"]).to_pylist()
    assert {(names[row["head"]], names[row["tail"]], row["statement"]) for row in triples} == {
        (head, tail, statement) for statement, (head, _, tail) in enumerate(rows)
    }

"""Releases follow each other: what `--ids-from` keeps, appends, redirects and buries."""

from __future__ import annotations

import shutil

import msgspec
import pytest

from kbtools.artefact import manifest
from kbtools.artefact.manifest import KbRef
from kbtools.errors import ArtefactError
from kbtools.kb.diff import diff
from kbtools.kb.verify import verify
from kbtools.sources import _stages
from tests import small_dump
from tests.small_dump import dump, eids, entity, files, ingest, item, kbtools, lines, links, rows

# Q10 is edited, Q11 merged into Q12, Q13 merged into Q14 and that into Q15, Q16 deleted, Q1 new;
# Q20 and Q21 speak of them. Q16 comes back in the third release, in which Q15 is merged into Q12.
FIRST = [
    item(20, *links(11, 13, 16, 12), *links(14, relation="P279")),
    item(10, *links(20)),
    *(item(number) for number in (11, 12, 13, 14, 15, 16)),
    item(21, *links(11, relation="P31")),
]
SECOND = [
    item(1, *links(16, relation="P18"), *links(10)),
    item(21, *links(11, relation="P31")),
    item(15),
    item(20, *links(11, 13, 16, 12), *links(14, relation="P279")),
    item(12, *links(1)),
    item(10, *links(1), label="edited"),
    item(2),
]
THIRD = [item(16, label="back"), *(one for one in SECOND if one["id"] != "Q15"), item(3, *links(13, 15, 16))]
MERGED = {"Q11": "Q12", "Q13": "Q14", "Q14": "Q15"}
MERGED_LATER = MERGED | {"Q15": "Q12"}
TOMBSTONE = 1


class Releases:
    """Three releases in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.old, self.new, self.third = folder / "old", folder / "new", folder / "third"

    def make(self):
        """Make each after the one before."""
        self.ingest("old", FIRST)
        self.ingest("new", SECOND, MERGED, "old")
        self.ingest("third", THIRD, MERGED_LATER, "new")
        return self

    def ingest(self, name, entities, pairs=None, before=None, **options):
        path, more = self.folder / f"{name}.json", dict(options)
        path.write_bytes(dump(lines(entities)))
        if pairs is not None:
            merged = self.folder / f"{name}.nt"
            merged.write_bytes(small_dump.redirects(pairs))
            more["redirects"] = (str(merged),)
        if before:
            more["ids_from"] = self.folder / before
        return ingest(path, self.folder / name, **more)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return Releases(tmp_path_factory.mktemp("releases")).make()


@pytest.fixture
def another(releases, tmp_path):
    """A copy of the folder, to ingest more into."""
    shutil.copytree(releases.folder, tmp_path, dirs_exist_ok=True)
    return Releases(tmp_path)


def where(kb, name):
    """Tell where an id leads: (id it leads to, kind) or None."""
    ids = {eid: id_ for id_, eid in eids(kb).items()}
    found = [(ids[row["to_eid"]], row["kind"]) for row in rows(kb, "redirects") if row["from_id"] == name]
    assert len(found) < 2
    return found[0] if found else None


def facts(kb, head, table="triples"):
    """List (relation, value) of an entity's statements, all by id."""
    ids = {eid: id_ for id_, eid in eids(kb).items()}
    names = {row["rid"]: row["id"] for row in rows(kb, "relations")}
    return sorted(
        (names[row["relation"]], ids[row["tail"]] if table == "triples" else row["value"])
        for row in rows(kb, table)
        if ids[row["head"]] == head
    )


def dead(kb):
    return {row["id"] for row in rows(kb, "entities") if row["flags"] & TOMBSTONE}


def test_old_eids_stay_and_new_ones_follow_in_the_order_of_the_dump(releases):
    old, new = eids(releases.old), eids(releases.new)
    assert list(old) == ["Q20", "Q10", "Q11", "Q12", "Q13", "Q14", "Q15", "Q16", "Q21"]
    assert old.items() <= new.items()
    assert {name: eid for name, eid in new.items() if name not in old} == {"Q1": 9, "Q2": 10}
    assert sorted(new.values()) == list(range(11))
    assert list(new.values()) == sorted(new.values())


def test_what_is_gone_is_a_tombstone(releases):
    assert dead(releases.old) == set()
    assert dead(releases.new) == {"Q11", "Q13", "Q14", "Q16"}
    buried = entity(releases.new, "Q16")
    assert (buried["label"], buried["in_degree"], buried["out_degree"]) == ("item 16 en", 0, 0)
    assert {row["eid"] for row in rows(releases.new, "labels")}.isdisjoint({buried["eid"]})


def test_every_old_id_that_is_gone_leads_somewhere(releases):
    assert where(releases.new, "Q11") == ("Q12", "merge")
    assert where(releases.new, "Q13") == ("Q15", "merge")  # over Q14
    assert where(releases.new, "Q14") == ("Q15", "merge")
    assert where(releases.new, "Q16") == ("Q16", "retired")
    assert len(rows(releases.new, "redirects")) == 4
    assert where(releases.new, "Q10") is None


def test_what_speaks_of_a_merged_id_speaks_of_its_target(releases):
    assert facts(releases.old, "Q20") == [
        ("P17", "Q11"), ("P17", "Q12"), ("P17", "Q13"), ("P17", "Q16"), ("P279", "Q14"),
    ]  # fmt: skip
    assert facts(releases.new, "Q20") == [("P17", "Q12"), ("P17", "Q12"), ("P17", "Q15"), ("P279", "Q15")]
    assert facts(releases.new, "Q20", "literals") == [("P17", "Q16")]  # deleted: only its id is left
    (row,) = rows(releases.new, "types")
    assert row == {"eid": eids(releases.new)["Q21"], "type": eids(releases.new)["Q12"]}
    assert entity(releases.new, "Q12")["in_degree"] == 3


def test_what_was_edited_is_as_in_the_new_dump(releases):
    assert entity(releases.new, "Q10")["label"] == "edited en"
    assert facts(releases.new, "Q10") == [("P17", "Q1")]


def test_relations_keep_their_numbers(releases):
    old = {row["id"]: row["rid"] for row in rows(releases.old, "relations")}
    new = {row["id"]: row["rid"] for row in rows(releases.new, "relations")}
    assert old == {"P17": 0, "P31": 1, "P279": 2}
    assert new == {**old, "P18": 3}


def test_the_chain_of_id_spaces_grows(releases, another):
    chains = [manifest.read(kb).id_space for kb in (releases.old, releases.new, releases.third)]
    assert [len(chain) for chain in chains] == [1, 2, 3]
    assert chains[2][:2] == chains[1]
    assert chains[1][:1] == chains[0]
    edited = [item(20, label="other"), *FIRST[1:]]
    made = another.ingest("edited", edited, before="old")
    assert made.id_space == chains[0]  # the same ids: what was made for the old fits the new
    assert made.content != manifest.read(releases.old).content


def test_the_manifest_names_the_release_before(releases):
    made = manifest.read(releases.new)
    assert ("kb", manifest.read(releases.old).content) in [(one.kind, one.content) for one in made.inputs]
    assert (made.counts["tombstones"], made.counts["ids kept"]) == (4, 5)


def test_an_id_may_come_back(releases):
    assert eids(releases.third)["Q16"] == eids(releases.old)["Q16"]
    assert dead(releases.third) == {"Q11", "Q13", "Q14", "Q15"}
    assert entity(releases.third, "Q16")["label"] == "back en"
    assert where(releases.third, "Q16") is None
    assert ("P17", "Q16") in facts(releases.third, "Q20")


def test_the_third_release_knows_all_before(releases):
    assert eids(releases.new).items() <= eids(releases.third).items()
    assert eids(releases.third)["Q3"] == 11
    for name in ("Q11", "Q13", "Q14", "Q15"):
        assert where(releases.third, name) == ("Q12", "merge")
    assert facts(releases.third, "Q3") == [("P17", "Q12"), ("P17", "Q12"), ("P17", "Q16")]


def test_redirects_that_are_not_told_again_still_hold(another):
    """A later dump comes without --redirects, or its file has forgotten the oldest merges."""
    another.ingest("silent", THIRD, None, "new")
    assert where(another.folder / "silent", "Q11") == ("Q12", "merge")
    assert where(another.folder / "silent", "Q13") == ("Q15", "merge")
    assert where(another.folder / "silent", "Q15") == ("Q15", "retired")
    another.ingest("forgetful", THIRD, {"Q15": "Q12"}, "new")
    for name in ("Q11", "Q13", "Q14", "Q15"):
        assert where(another.folder / "forgetful", name) == ("Q12", "merge")


def test_a_merge_may_be_undone(another):
    another.ingest("undone", [*SECOND, item(11, label="alone")], {"Q13": "Q14", "Q14": "Q15"}, "new")
    undone = another.folder / "undone"
    assert eids(undone)["Q11"] == eids(another.old)["Q11"]
    assert where(undone, "Q11") is None
    assert dead(undone) == {"Q13", "Q14", "Q16"}
    assert facts(undone, "Q20")[0] == ("P17", "Q11")


def test_a_redirect_of_an_id_that_is_in_the_dump_is_ignored(another):
    another.ingest("alive", FIRST, {"Q11": "Q12", "Q99": "Q10"})
    alive = another.folder / "alive"
    assert where(alive, "Q11") is None
    assert where(alive, "Q99") == ("Q10", "merge")
    assert ("P17", "Q11") in facts(alive, "Q20")


def test_chains_end_somewhere_and_loops_nowhere(another):
    long = {f"Q{n}": f"Q{n + 1}" for n in range(100, 120)} | {"Q120": "Q10"}
    loops = {"Q200": "Q201", "Q201": "Q202", "Q202": "Q200", "Q203": "Q200", "Q204": "Q204"}
    elsewhere = {"Q300": "Q301"}
    entities = [*FIRST, item(5, *links(100, 119, 120, 201, 203, 300))]
    made = another.ingest("chains", entities, {**long, **loops, **elsewhere})
    chains = another.folder / "chains"
    assert {row["from_id"] for row in rows(chains, "redirects")} == set(long)
    assert {where(chains, name) for name in long} == {("Q10", "merge")}
    assert made.counts["redirects"] == 21
    assert facts(chains, "Q5") == [("P17", "Q10")] * 3
    assert facts(chains, "Q5", "literals") == [("P17", "Q201"), ("P17", "Q203"), ("P17", "Q300")]


def test_a_redirect_into_a_tombstone_leads_nowhere(another):
    """The target itself was deleted: its own number is no place to lead to."""
    another.ingest("dead", [one for one in SECOND if one["id"] != "Q12"], {"Q11": "Q12"}, "old")
    deleted = another.folder / "dead"
    assert where(deleted, "Q11") == ("Q11", "retired")
    assert where(deleted, "Q12") == ("Q12", "retired")


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_nothing(another, workers, monkeypatch):
    monkeypatch.setattr(_stages, "SMALLEST", 1000)
    another.ingest("other", SECOND, MERGED, "old", workers=workers)
    assert files(another.folder / "other") == files(another.new)
    other, new = manifest.read(another.folder / "other"), manifest.read(another.new)
    assert (other.content, other.id_space, other.counts) == (new.content, new.id_space, new.counts)


def test_the_memory_changes_nothing(another):
    another.ingest("other", SECOND, MERGED, "old", memory=1)
    assert files(another.folder / "other") == files(another.new)


def test_every_release_is_sound(releases):
    for kb in (releases.old, releases.new, releases.third):
        assert verify(kb, deep=True).problems == []


def test_diff_tells_what_happened(releases):
    found = diff(releases.old, releases.new, examples=5, top=5)
    assert (found.added.count, found.vanished.count, found.merged.count) == (2, 1, 3)
    assert {one.id for one in found.added.examples} == {"Q1", "Q2"}
    assert [one.id for one in found.vanished.examples] == ["Q16"]
    assert [one.id for one in found.relabelled.examples] == ["Q10"]
    assert found.stable
    assert found.shared_ids
    run = kbtools("diff", releases.old, releases.new, piece=None)
    assert run.returncode == 0, run.stderr
    assert "every id of OLD kept its eid" in run.stdout


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 2, 0]])
def test_without_a_predecessor_ids_are_not_stable(another, order):
    another.ingest("fresh", [FIRST[n] for n in order])
    assert not diff(another.old, another.folder / "fresh", examples=1, top=1).stable


def test_a_release_larger_than_its_predecessor_and_a_smaller_one(tmp_path):
    """Hundreds of entities, half of them gone, as many new: all old eids stay, and both ways agree."""
    world = small_dump.World(1).entities()
    half, other = world[: len(world) // 2], world[len(world) // 4 :]
    for name, entities in (("old", half), ("new", [*other[::-1]])):
        (tmp_path / f"{name}.json").write_bytes(dump(lines(entities)))
    ingest(tmp_path / "old.json", tmp_path / "old")
    made = ingest(tmp_path / "new.json", tmp_path / "new", ids_from=tmp_path / "old")
    old, new = eids(tmp_path / "old"), eids(tmp_path / "new")
    assert old.items() <= new.items()
    appended = [one["id"] for one in other[::-1] if one["id"] not in old]
    assert list(new)[len(old) :] == appended
    assert made.counts["tombstones"] == len(old) - made.counts["ids kept"]
    assert dead(tmp_path / "new") == old.keys() - {one["id"] for one in other}
    assert verify(tmp_path / "new", deep=True).problems == []


def test_files_of_redirects_may_be_given_as_paths(another):
    (another.folder / "new.nt").replace(another.folder / "merged.nt")
    made = ingest(
        another.folder / "new.json", another.folder / "kb", redirects=(another.folder / "merged.nt",)
    )
    assert made.counts["redirects"] == 3


def refusal(folder, old):
    with pytest.raises(ArtefactError) as caught:
        ingest(folder / "old.json", folder / "refused", ids_from=old)
    assert not (folder / "refused").exists()
    assert not (folder / "refused.partial").exists()  # said before anything was done
    return str(caught.value)


def test_only_a_knowledge_base_of_its_own_can_go_before(another):
    folder = another.folder
    assert "no such artefact" in refusal(folder, folder / "absent")
    assert "a file" in refusal(folder, folder / "old.json")
    assert "not an artefact of kbtools" in refusal(folder, folder)
    path = another.old / manifest.NAME
    made = manifest.read(another.old)

    def rewrite(**fields):
        path.write_bytes(msgspec.json.encode(msgspec.structs.replace(made, **fields)))

    rewrite(kind="alias")
    assert "an alias artefact, where a kb is wanted" in refusal(folder, another.old).replace(
        "a alias", "an alias"
    )
    rewrite(version=99)
    assert "upgrade kbtools" in refusal(folder, another.old)
    rewrite(base=KbRef(name="wikidata", content="x"))
    assert "is an overlay of wikidata; give the base instead" in refusal(folder, another.old)


def test_the_release_before_may_be_replaced_by_the_next(another):
    another.ingest("next", SECOND, MERGED, "old")
    (another.folder / "next.json").replace(another.folder / "old.json")
    ingest(
        another.folder / "old.json", another.old, ids_from=another.old, overwrite=True,
        redirects=(str(another.folder / "next.nt"),),
    )  # fmt: skip
    assert files(another.old) == files(another.folder / "next")

"""A run that stops, wherever it is, and goes on: what comes out is as if it had never stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

import pytest

from kbtools import artefact
from kbtools.errors import ArtefactError
from kbtools.models import embed
from kbtools.models.kge import checkpoints, stage, trainer
from kbtools.models.kge.stepping import Stepper
from kbtools.models.kge.store import Store
from kbtools.models.kge.trainer import Trainer
from tests import kge_worlds
from tests.crew import Process
from tests.kge_runs import LANES, PARTS, SMALL, Stop, content, learned, often, stops, told, training
from tests.small_dump import no_trace

WORSE = (
    "judge.patience=2",
    "epochs=12",
    "optimiser.lr=2",
    "judge.triples=0",
)  # stops early, the best not last
DROPS = ("optimiser.drop=[0.3,0.6]",)
TUCKER = (
    "reciprocal=true",
    "loss.kind=bce",
    "negatives.number=0",
    "scorer.relation_dim=3",
    "judge.patience=0",
)


@pytest.fixture(scope="module")
def kb(tmp_path_factory):
    return kge_worlds.ingested(tmp_path_factory.mktemp("ring"), **kge_worlds.ring())


def tables(out):
    """Return what a run made, and what it says of it."""
    made = artefact.read(out)
    return made.content, made.counts, made.notes


@pytest.fixture(scope="module")
def whole(kb, tmp_path_factory):
    """Runs that nobody stopped, each made once."""
    folder = tmp_path_factory.mktemp("whole")
    found: dict[object, object] = {}

    def make(*overrides, model="transe"):
        name = (model, *overrides)
        if name not in found:
            found[name] = tables(learned(kb, folder / str(len(found)), *overrides, model=model))
        return found[name]

    return make


def stopped(kb, out, overrides, model, *call, before=False):
    """Begin a run that stops at a call; True if it went as far as that."""
    with pytest.MonkeyPatch.context() as patch:
        often(patch)
        stops(patch, *call, before=before)
        try:
            learned(kb, out, *overrides, model=model)
        except Stop:
            return True
    return False


@pytest.mark.parametrize(
    "run",
    [
        ((), "transe", (Stepper, "__call__", 3)),  # in the first epoch: nothing is kept yet
        (DROPS, "transe", (Stepper, "__call__", 25)),
        (DROPS, "transe", (Trainer, "_round", 2)),
        pytest.param((WORSE, "transe", (Trainer, "_judge", 2)), marks=pytest.mark.long),
        (("judge.every=0",), "transe", (Trainer, "_judge", 1, "before")),
        (WORSE, "transe", (stage._Job, "_finish", 1, "before")),
        ((), "transe", (checkpoints, "write_whole", 2, "before")),
        ((), "transe", (checkpoints, "sweep", 4, "before")),
        pytest.param((PARTS, "transe", (Stepper, "__call__", 20)), marks=pytest.mark.long),
        ((*PARTS, *DROPS), "transe", (Trainer, "_round", 21)),
        pytest.param(((*PARTS, *WORSE), "transe", (Trainer, "_judge", 3)), marks=pytest.mark.long),
        ((*PARTS, *WORSE), "transe", (Store, "blocks", 4, "before")),
        (PARTS, "transe", (checkpoints, "write_whole", 7, "before")),
        pytest.param(((*LANES, *DROPS), "rotate", (Trainer, "_round", 12)), marks=pytest.mark.long),
        ((*LANES, "optimiser.kind=adagrad"), "protate", (Trainer, "_bucket", 19)),
        (TUCKER, "tucker", (Trainer, "_round", 2)),
        (TUCKER, "tucker", (Stepper, "__call__", 40)),
    ],
)
def test_it_goes_on_where_it_stopped(kb, tmp_path, whole, run):
    out, (overrides, model, call) = tmp_path / "out", run
    assert stopped(kb, out, overrides, model, *call[:3], before=call[3:] == ("before",))
    assert not out.exists()
    assert tables(learned(kb, out, *overrides, model=model)) == whole(*overrides, model=model)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("overrides", [(), PARTS])
def test_the_optimiser_begins_anew_where_rates_drop(kb, tmp_path, monkeypatch, overrides):
    """What Adam has gathered goes, of relations and of each part, and its steps are counted from 1."""
    real, seen = Trainer._bucket, []

    def bucket(self, numbers, held, factor, live):
        empty = [not bool(one.state["square"].any()) for one in held.parts]
        seen.append((self.state.epoch, self.small.step, numbers, empty))
        return real(self, numbers, held, factor, live)

    monkeypatch.setattr(Trainer, "_bucket", bucket)
    out = learned(kb, tmp_path / "out", *DROPS, *overrides, "negatives.number=40")
    for epoch in range(4):
        mine = [one for one in seen if one[0] == epoch]
        assert (mine[0][1] == 0) == (epoch in {0, 2, 3})  # shares of 4 epochs: from the 3rd, from the 4th
        touched = set()
        for _, _, numbers, empty in mine:
            parts = sorted({*numbers})
            if epoch in {2, 3}:
                assert all(one for part, one in zip(parts, empty, strict=True) if part not in touched)
            touched |= {*parts}
    assert artefact.read(out).counts["steps"] > 2 * max(step for _, step, _, _ in seen)


def test_a_run_that_stops_again_and_again_gets_there(kb, tmp_path, whole):
    overrides, times = (*PARTS, *WORSE), 0
    while stopped(kb, tmp_path / "out", overrides, "transe", Trainer, "_round", 5):
        times += 1
    assert times > 5
    assert tables(tmp_path / "out") == whole(*overrides)


def test_the_best_look_is_what_is_kept(kb, tmp_path, whole):
    made, _, notes = whole(*WORSE)
    assert notes["best"] < len(notes["looks"]) - 1
    assert len(notes["looks"]) == notes["best"] + 3  # two more, and no better
    until = f"epochs={notes['looks'][notes['best']]['epoch']}"
    assert content(learned(kb, tmp_path / "short", *WORSE, until)) == made
    assert content(learned(kb, tmp_path / "last", *WORSE, "judge.take=last")) != made


def test_tucker_learns_what_its_norms_have_seen(kb, tmp_path, whole):
    """Running means are part of the state: they are not those of a fresh one."""
    learned(kb, tmp_path / "out", *TUCKER, model="tucker")
    assert content(tmp_path / "out") == whole(*TUCKER, model="tucker")[0]
    assert content(learned(kb, tmp_path / "seed", *TUCKER, model="tucker", seed=1)) != content(
        tmp_path / "out"
    )


@pytest.mark.parametrize("given", [{"overrides": ("optimiser.lr=0.2",)}, {"seed": 3}, {"model": "rotate"}])
def test_other_settings_do_not_go_on(kb, tmp_path, given):
    out, given = tmp_path / "out", dict(given)
    assert stopped(kb, out, (), "transe", Trainer, "_round", 2)
    overrides = given.pop("overrides", ())
    with pytest.raises(ArtefactError, match=r"unfinished build with other settings or inputs.*--restart"):
        learned(kb, out, *overrides, **given)
    assert training(out).exists()
    learned(kb, out, *overrides, restart=True, **given)
    assert content(out) == content(learned(kb, tmp_path / "new", *overrides, **given))


def test_ctrl_c_waits_for_the_end_of_a_round(kb, tmp_path, whole, monkeypatch):
    """Checkpoints are minutes apart, but one is written then."""
    wanted = whole(*PARTS)  # before steps are counted
    real, seen = Stepper.__call__, []

    def counted(self, *args):
        seen.append(1)
        if len(seen) == 30:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "__call__", counted)
        with pytest.raises(KeyboardInterrupt):
            learned(kb, tmp_path / "out", *PARTS)
    assert checkpoints.stamps(training(tmp_path / "out"))
    made, seen = len(seen), []

    def step(self, *args):
        seen.append(1)
        return real(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "__call__", step)
        assert tables(learned(kb, tmp_path / "out", *PARTS)) == wanted
    assert made + len(seen) == wanted[1]["steps"]  # none was made twice


def spoil(out, place):
    """Damage one of the checkpoints there are; the best is the first, the last the other."""
    stamps = checkpoints.stamps(training(out))
    assert len(stamps) == 2
    (training(out) / f"rest.v{stamps[place]}.safetensors").write_bytes(b"x" * 64)


@pytest.mark.parametrize("overrides", [WORSE, pytest.param((*PARTS, *WORSE), marks=pytest.mark.long)])
def test_a_checkpoint_that_is_damaged(kb, tmp_path, whole, capsys, overrides):
    """It goes on from the best, which is older, and says so; without the best, the last is taken."""
    out = tmp_path / "out"
    assert stopped(kb, out, overrides, "transe", stage._Job, "_finish", 1, before=True)
    spoil(out, -1)
    embed(kb, out, model="transe", overrides=[*SMALL, *overrides])
    said = capsys.readouterr().err
    assert "a damaged or foreign checkpoint" in said
    assert "the one before it is tried" in said
    assert tables(out) == whole(*overrides)

    out = tmp_path / "other"
    assert stopped(kb, out, overrides, "transe", stage._Job, "_finish", 1, before=True)
    spoil(out, 0)
    made, _, notes = tables(learned(kb, out, *overrides))
    assert made == content(learned(kb, tmp_path / "last", *overrides, "judge.take=last"))
    assert notes["best"] == len(notes["looks"]) - 1


def test_no_checkpoint_that_is_whole(kb, tmp_path, whole):
    out = tmp_path / "out"
    assert stopped(kb, out, (), "transe", Trainer, "_round", 2)
    for path in training(out).glob("checkpoint*"):
        path.write_text("{}")
    with pytest.raises(ArtefactError, match=r"no checkpoint is whole .*--restart") as error:
        learned(kb, out)
    assert "\n" not in str(error.value)
    assert content(learned(kb, out, restart=True)) == whole()[0]


PROGRAM = """
import sys
from kbtools.models.kge import trainer
trainer.SAVE, trainer.SHARE = -1.0, 0.0
from tests.crew import PROGRAM
exec(PROGRAM)
"""


@pytest.mark.long
@pytest.mark.parametrize("overrides", [WORSE, (*LANES, *WORSE)])
def test_kills(kb, tmp_path, whole, overrides):
    """At a call of fsync, so while a checkpoint is being written, and after some time."""
    out, given = tmp_path / "out", told(kb, tmp_path / "out", *overrides)
    for dies in (3, 11, 24, 40, 58):
        line = [sys.executable, "-c", PROGRAM, str(dies)]
        code, _, err = Process(given, before=line).end()
        assert code in {0, -signal.SIGKILL}, err
        if not code:
            break
    else:
        for seconds in (2.5, 3, 3.5):
            process = Process(given, before=[sys.executable, "-c", PROGRAM, "0"])
            threading.Timer(seconds, process.kill).start()
            if process.end()[0] == 0:
                break
    if not out.exists():
        code, _, err = Process(given).end()
        assert code == 0, err
    assert tables(out) == whole(*overrides)


@pytest.mark.long
def test_ctrl_c_of_the_command(kb, tmp_path):
    out = tmp_path / "out"
    process = Process(told(kb, out, "epochs=100000"))
    end = time.monotonic() + 60
    while not training(out).exists() and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.5)
    process.kill(signal.SIGINT)
    code, said, err = process.end()
    assert (code, said) == (130, "")
    assert no_trace(err)
    assert err == "Interrupted; run the same command again: it goes on where it stopped\n"
    stamp = checkpoints.stamps(training(out))[-1]
    found = json.loads((training(out) / f"checkpoint.v{stamp}.json").read_text())
    assert found["told"]["epoch"] > 0
    assert trainer.State(**found["told"]).step == found["told"]["step"]

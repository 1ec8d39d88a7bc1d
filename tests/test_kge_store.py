"""Parts of a table are the same whether they are held or lie in files."""

from __future__ import annotations

import errno
import threading
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from kbtools.errors import ArtefactError, ResourceError  # noqa: E402
from kbtools.io import tensors  # noqa: E402
from kbtools.models.kge import partitions, parts, store  # noqa: E402
from tests.kge_parts import WIDTH, made, opened, train, whole  # noqa: E402

BUCKETS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=8)
quick = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@quick
@given(buckets=BUCKETS, ahead=st.booleans())
def test_buckets_train_parts_as_if_all_were_held(tmp_path_factory, buckets, ahead):
    parted = opened(tmp_path_factory.mktemp("x"))
    together = {part: made(part) for part in range(4)}
    with parted:
        for at, bucket in enumerate(buckets):
            train(parted, bucket, buckets[at + 1] if ahead and at + 1 < len(buckets) else ())
            for part in {*bucket}:
                together[part].weights.add_(part + 1)
                together[part].state["sum"].add_(1)
        want = torch.cat([together[part].weights for part in range(4)])
        assert torch.equal(whole(parted), want)
        assert torch.equal(parted.gather(torch.arange(parted.rows)), want)
        for part in range(4):
            found = parted.hold([part])[part]
            assert torch.equal(found.state["sum"], together[part].state["sum"])


def test_one_part_is_never_let_go(tmp_path):
    with opened(tmp_path, number=1) as alone:
        first = train(alone, [0])[0].weights
        assert train(alone, [0], [0])[0].weights is first
        assert names(tmp_path) == []


def test_at_most_three_parts_are_in_memory(tmp_path, monkeypatch):
    alive, most = set(), []
    lock = threading.Lock()

    class Counted:
        def __init__(self, part):
            self.part = part
            with lock:
                alive.add(id(self))
                most.append(len(alive))

        def __del__(self):
            with lock:
                alive.discard(id(self))

    edges = partitions.edges(50, 8)

    def counted(part):
        found = made(part, edges)
        found.weights.__dict__["counted"] = Counted(part)
        return found

    def read(path, rows, device, read=parts.read_part):
        found = read(path, rows, device)
        found.weights.__dict__["counted"] = Counted(path)
        return found

    monkeypatch.setattr(parts, "read_part", read)
    with store.Store(tmp_path, edges, counted) as parted:
        for epoch in range(2):
            order = partitions.order(8, "random", 3, epoch)
            for bucket, after in pairwise(order):
                parted.hold({*bucket}, [*after])
        parted.flush()
    assert max(most) == partitions.HELD


def test_what_is_needed_next_is_read_meanwhile(tmp_path, monkeypatch):
    read, done = [], threading.Event()

    def slow(path, rows, device, read_part=parts.read_part):
        found = read_part(path, rows, device)
        read.append(path.name)
        done.set()
        return found

    with opened(tmp_path) as parted:
        for bucket in [(0, 1), (2, 3)]:
            train(parted, bucket)
        parted.flush()
        monkeypatch.setattr(parts, "read_part", slow)
        parted.hold([2, 3], [3, 1])
        assert done.wait(10)
        assert read == ["part-001.v0.safetensors"]  # nobody has asked for it yet
        parted.hold([3, 1])
        assert len(read) == 1


def test_rows_are_gathered_in_any_order(tmp_path):
    with opened(tmp_path) as parted:
        train(parted, (0, 1))
        train(parted, (1, 2))
        table = whole(parted)
        for rows in ([], [9, 0, 9, 4], [3], list(range(9, -1, -1))):
            found = parted.gather(torch.tensor(rows, dtype=torch.long))
            assert found.shape == (len(rows), WIDTH)
            assert torch.equal(found, table[rows])


def test_blocks_are_small_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "AT_ONCE", 2 * 4 * WIDTH)
    with opened(tmp_path, rows=11, number=3) as parted:
        train(parted, (0, 1))
        train(parted, (1, 2))
        found = list(parted.blocks())
    assert [first for first, _ in found] == [0, 2, 3, 5, 7, 9]
    assert [len(block) for _, block in found] == [2, 1, 2, 2, 2, 2]


def test_a_read_block_can_be_written_to(tmp_path):
    with opened(tmp_path) as parted:
        train(parted, (0, 1))
        train(parted, (2, 3))
        before = whole(parted)
        parted.gather(torch.tensor([0, 1])).add_(1)
        assert torch.equal(whole(parted), before)


def test_of_a_part_the_newest_file_is_left(tmp_path):
    with opened(tmp_path) as parted:
        for _ in range(3):
            train(parted, (0, 1))
            train(parted, (2, 3))
        parted.flush()
    assert names(tmp_path) == [f"part-{part:03d}.v2.safetensors" for part in range(4)]


def test_processes_share_a_folder(tmp_path):
    """Two train disjoint buckets of each round; what comes out is as if one had trained all."""
    rounds = [[(0, 0), (1, 2)], [(0, 3), (2, 2)], [(3, 3), (0, 1)], [(1, 3), (0, 2)]]
    with opened(tmp_path / "one") as alone:
        for some in rounds:
            for bucket in some:
                train(alone, bucket)
        want = whole(alone)
    with opened(tmp_path / "two") as chief, opened(tmp_path / "two", chief=False) as other:
        both = [chief, other]
        for number, some in enumerate(rounds):
            for mine, bucket in zip(both, some, strict=True):
                train(mine, bucket, [2])
            for mine in both:
                mine.flush()
            for mine, theirs in zip(both, reversed(some), strict=True):
                mine.forget({*theirs})
            for mine in both:
                mine.checkpoint(number, {}, {})
        assert torch.equal(whole(chief), want)
        assert torch.equal(whole(other), want)


def test_changes_are_not_forgotten(tmp_path):
    with opened(tmp_path) as parted:
        train(parted, (0, 1))
        with pytest.raises(ValueError, match=r"parts \[1\] were changed here"):
            parted.forget([1, 2])


@pytest.mark.parametrize("later", ["hold", "flush", "blocks"])
def test_a_full_disk_is_told_of(tmp_path, monkeypatch, later):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as parted:
        train(parted, (0, 1))
        monkeypatch.setattr(tensors, "pieces", full)
        train(parted, (2, 2))  # it lets go of the others
        with pytest.raises(ResourceError, match=r"part-00\d.*no space left on device.*make room"):
            {"hold": lambda: parted.hold([0]), "flush": parted.flush, "blocks": lambda: [*parted.blocks()]}[
                later
            ]()
    assert not any(name.startswith(".") for name in names(tmp_path))


@pytest.mark.parametrize("fault", ["gone", "short", "foreign", "rows"])
def test_a_damaged_part_is_named(tmp_path, fault):
    path = tmp_path / "part-000.v0.safetensors"
    with opened(tmp_path) as parted:
        train(parted, (0, 1))
        train(parted, (2, 3))
        parted.flush()
        if fault == "gone":
            path.unlink()
        elif fault == "short":
            path.write_bytes(path.read_bytes()[:-3])
        elif fault == "foreign":
            parts.write(path, {"x": torch.zeros(3)})
        else:
            parts.write(path, {"weights": torch.zeros(3, 4), "state.sum": torch.zeros(2)})
        for ask in (lambda: parted.hold([2, 0]), lambda: parted.hold([2], [0]) and parted.hold([0, 3])):
            with pytest.raises(ArtefactError, match="part-000") as told:
                ask()
            assert "\n" not in str(told.value)


def test_an_error_of_making_a_part_comes_through(tmp_path):
    def none(part):
        raise ArtefactError(f"part {part} cannot be made")

    with (
        store.Store(tmp_path, [0, 1, 2], none) as parted,
        pytest.raises(ArtefactError, match="part 1 cannot be made"),
    ):
        parted.hold([1])


def test_numbers_are_kept_to_the_last_bit(tmp_path):
    odd = torch.tensor([[0.1, -0.0, float("inf")], [1e-45, 3e38, float("nan")]])
    path = tmp_path / "x.safetensors"
    parts.write_part(path, parts.Part(odd, {"step": torch.tensor([1, 2]), "wide": odd.t().contiguous().t()}))
    found = parts.read_part(path, 2, torch.device("cpu"))
    assert np.array_equal(found.weights.view(torch.int32), odd.view(torch.int32))
    assert torch.equal(found.state["step"], torch.tensor([1, 2]))
    assert np.array_equal(found.state["wide"].view(torch.int32), odd.view(torch.int32))

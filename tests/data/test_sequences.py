"""Examples that are computed are those of loops over the definition."""

from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.sequences import SequenceExamples, UserSequences, leave_one_out

SIZES = [3, 1, 9, 2, 4, 6]
PARTS = {"valid_and_test": ("valid", "test"), "valid_only": ("valid",), "test_only": ("test",)}


def sequences(longest: int = 3) -> UserSequences:
    items = np.random.default_rng(0).integers(1, 30, size=sum(SIZES)).astype(np.int32)
    order = np.array([4, 0, 5, 2, 3])
    return UserSequences(items, np.r_[0, np.cumsum(SIZES)], order, longest)


def literally(given: UserSequences, left_out: tuple[str, ...]) -> dict[str, list[tuple[int, list[int], int]]]:
    """Return user, history and target of each example, user by user."""
    parts: dict[str, list[tuple[int, list[int], int]]] = {"train": [], "valid": [], "test": []}
    for user in given.order.tolist():
        items = given.items[given.starts[user] : given.starts[user + 1]].tolist()
        examples = [(user, items[max(0, at - given.longest) : at], items[at]) for at in range(1, len(items))]
        names = list(left_out)[-min(len(left_out), len(examples) - 1) :] if len(examples) > 1 else []
        for name in reversed(names):
            parts[name].append(examples.pop())
        parts["train"] += examples
    return parts


@pytest.mark.parametrize("longest", [1, 3, 20])
@pytest.mark.parametrize("mode", PARTS)
def test_examples_are_those_of_loops_over_the_definition(mode: str, longest: int) -> None:
    given = sequences(longest)
    expected = literally(given, PARTS[mode])
    for name, part in leave_one_out(given, PARTS[mode]).items():
        rows = np.random.default_rng(1).permutation(len(part))
        found = part.locate(rows)
        histories = [given.items[start : start + length].tolist() for start, length in zip(found.starts, found.lengths)]
        assert np.array_equal(found.starts + found.lengths, found.targets)
        targets = given.items[found.targets]
        assert list(zip(found.users, histories, targets)) == [expected[name][row] for row in rows]


@pytest.mark.parametrize("mode", PARTS)
def test_all_three_parts_are_there_whatever_is_left_out(mode: str) -> None:
    assert set(leave_one_out(sequences(), PARTS[mode])) == {"train", "valid", "test"}


@pytest.mark.parametrize("name", ["valid", "test"])
def test_some_examples_of_a_part_are_those_of_its_rows(name: str) -> None:
    part, rows = leave_one_out(sequences(), ("valid", "test"))[name], np.array([2, 0])
    some, all_rows = part.some(rows), np.arange(2)
    for found, expected in zip(some.locate(all_rows), part.locate(rows)):
        assert np.array_equal(found, expected)
    assert len(some) == 2
    with pytest.raises(AssertionError, match="^examples of one user stay together"):
        leave_one_out(sequences(), ("test",))["train"].some(rows)


def test_an_example_a_user_is_the_last_one_unless_it_is_said_how_far_before() -> None:
    given = sequences()
    last = SequenceExamples(given, given.order).locate(np.arange(len(given.order)))
    assert np.array_equal(last.targets, given.starts[given.order + 1] - 1)


def test_a_part_without_users_is_empty() -> None:
    part = leave_one_out(sequences(), ("test",))["valid"]
    assert len(part) == 0 and len(part.locate(np.empty(0, dtype=np.int64)).users) == 0


@pytest.mark.parametrize("sizes", [[1] * 50, [1] * 40 + [2000], [2000, 1, 1, 2000] + [1] * 40, [3, 50, 1, 7]])
def test_a_row_is_its_user_s_however_uneven_users_are(sizes: list[int]) -> None:
    counts = np.array(sizes)
    given = UserSequences(np.ones(1), np.r_[0, np.cumsum(counts + 1)], np.arange(len(sizes)), 20)
    part = SequenceExamples(given, given.order, counts)
    rows = np.random.default_rng(0).permutation(len(part))
    assert np.array_equal(part.locate(rows).users, np.repeat(given.order, counts)[rows])


def test_memory_grows_with_users_alone() -> None:
    import tracemalloc

    starts = np.array([0, 1_000_000, 2_000_000])
    given = UserSequences(np.ones(2_000_000, dtype=np.int32), starts, np.array([0, 1]), 20)
    tracemalloc.start()
    part = leave_one_out(given, ("valid", "test"))["train"]
    part.locate(np.arange(256))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(part) == 2 * (1_000_000 - 3) and peak < 1_000_000


@pytest.mark.parametrize("mode", PARTS)
def test_a_part_as_sequences_predicts_its_targets_and_reads_what_comes_before_them(mode: str) -> None:
    given = sequences(20)
    expected = literally(given, PARTS[mode])
    for name, part in leave_one_out(given, PARTS[mode]).items():
        found = part.as_sequences()
        read = []
        for start, length, skipped in zip(found.starts, found.lengths, found.skipped):
            items = given.items[start : start + length].tolist()
            read += [(items[:at], items[at]) for at in range(1 + skipped, length)]
        by_user = sorted(expected[name], key=lambda example: example[0])  # stable: a user's stay in the order of time
        assert read == [(history, target) for _, history, target in by_user]
        assert found.skipped.dtype == np.int64


def test_one_row_alone_is_its_user_s() -> None:
    given = UserSequences(np.ones(6), np.array([0, 2, 6]), np.array([0, 1]), 20)
    part = SequenceExamples(given, given.order, np.array([1, 3]))
    assert [part.locate(np.array([row])).users.tolist() for row in range(4)] == [[0], [1], [1], [1]]

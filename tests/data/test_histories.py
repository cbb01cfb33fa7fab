from __future__ import annotations

import numpy as np
import pytest

from recbole_adasid.data.histories import SequenceBatches, Sequences, cut, runs_of_targets


def make_runs(lengths: list[int], skipped: list[int] | None = None) -> Sequences:
    starts = np.r_[0, np.cumsum(lengths)[:-1]].astype(np.int64)
    return Sequences(starts, np.array(lengths), np.array(skipped or [0] * len(lengths)))


def predictions(sequences: Sequences) -> list[tuple[int, int]]:
    """Each predicted place with how many items are seen before it, by a loop."""
    found = []
    for start, length, skipped in zip(sequences.starts, sequences.lengths, sequences.skipped):
        found += [(int(start + at), at) for at in range(1 + skipped, length)]
    return found


@pytest.mark.parametrize("longest", [1, 3, 5, 50])
def test_every_target_is_predicted_once_from_at_most_so_many_items(longest: int) -> None:
    runs = make_runs([2, 9, 17, 4, 30, 5])
    for seed in range(20):
        found = predictions(cut(runs, longest, np.random.default_rng(seed)))
        assert sorted(place for place, _ in found) == sorted(place for place, _ in predictions(runs))
        assert min(seen for _, seen in found) >= 1 and max(seen for _, seen in found) <= longest


def test_items_that_are_skipped_are_read_but_never_predicted() -> None:
    runs = make_runs([12, 6, 9], [7, 0, 3])
    for seed in range(20):
        found = cut(runs, 4, np.random.default_rng(seed))
        places = sorted(place for place, _ in predictions(found))
        assert places == [*range(8, 12), *range(13, 18), *range(22, 27)]
        assert (found.predicted > 0).all()


def test_cuts_of_a_long_sequence_fall_at_random_places() -> None:
    seen_by_the_last = set()
    for seed in range(60):
        seen_by_the_last.add(predictions(cut(make_runs([21]), 5, np.random.default_rng(seed)))[-1][1])
    assert seen_by_the_last == {1, 2, 3, 4, 5}


def test_targets_in_any_order_make_runs() -> None:
    # Two users: 0…4 whose targets are 1, 2, 3 and 5…9 whose target 6 is missing.
    targets, starts = np.array([3, 8, 1, 9, 7, 2]), np.array([0, 5, 0, 5, 5, 0])
    runs = runs_of_targets(targets, starts)
    assert runs.starts.tolist() == [0, 5] and runs.lengths.tolist() == [4, 5] and runs.skipped.tolist() == [0, 1]
    assert len(runs_of_targets(targets[:0], starts[:0])) == 0


def batches(seed: int = 3, epoch: int = 0) -> SequenceBatches:
    lengths = np.random.default_rng(0).integers(2, 12, 500).tolist()
    return SequenceBatches(make_runs(lengths), longest=6, batch_size=40, seed=seed, epoch=epoch)


def test_batches_have_the_size_asked_for_and_hold_everything_once() -> None:
    found = list(batches())
    sizes = [int(batch.predicted.sum()) for batch in found]
    assert len(found) == len(batches()) and max(sizes) < 40 + 6 and sorted(sizes)[1] > 40 - 6
    places = sorted(place for batch in found for place, _ in predictions(batch))
    assert len(places) == len(set(places)) == sum(sizes)


def test_batches_hold_similar_lengths_in_random_order() -> None:
    found = list(batches())
    padding = sum(int((batch.lengths.max() - batch.lengths).sum()) for batch in found)
    assert padding < 0.1 * sum(int(batch.lengths.sum()) for batch in found)
    mean = [float(batch.lengths.mean()) for batch in found]
    assert mean != sorted(mean)


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def starts(found: SequenceBatches) -> list[list[int]]:
        return [batch.starts.tolist() for batch in found]

    assert starts(batches()) == starts(batches())
    assert starts(batches()) != starts(batches(epoch=1)) != starts(batches(seed=4))
    same = batches()
    assert starts(same) == starts(same)


def test_sequences_longer_than_a_batch_are_batches_of_their_own() -> None:
    found = list(SequenceBatches(make_runs([9, 9, 9]), longest=8, batch_size=3, seed=0, epoch=0))
    assert [len(batch) for batch in found] == [1, 1, 1]

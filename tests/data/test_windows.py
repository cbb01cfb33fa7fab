import numpy as np

from recbole_adasid.data.windows import SequenceWindows, build_windows, flatten_sequences


def test_equal_times_keep_the_order_of_the_file():
    users = [2, 1, 2, 1, 2, 1]
    items = [5, 9, 3, 8, 4, 7]
    order = flatten_sequences(users, [10, 20, 10, 20, 5, 20])
    assert np.array(items)[order].tolist() == [9, 8, 7, 4, 5, 3]


def test_times_one_second_apart_at_unix_scale_are_told_apart():
    times = np.array([1_500_000_001, 1_500_000_000], dtype=np.float64)
    assert flatten_sequences([1, 1], times).tolist() == [1, 0]
    assert flatten_sequences([1, 1], times.astype(np.float32)).tolist() == [0, 1]


def test_windows_equal_a_loop_over_every_position():
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(1, 8, size=60))
    items = rng.integers(1, 30, size=60)
    expected = []
    for user in np.unique(users):
        sequence = items[users == user].tolist()
        expected += [(sequence[max(0, t - 4) : t], sequence[t], user) for t in range(1, len(sequence))]
    windows, targets, owners = build_windows(users, items, 4)
    history, lengths = windows.gather(np.arange(len(windows)))
    found = [(h[:n].tolist(), t, u) for h, n, t, u in zip(history, lengths, targets, owners)]
    assert found == expected


def test_gather_pads_on_the_right_to_the_longest_of_the_batch():
    windows, _, _ = build_windows([1, 1, 1, 1, 2, 2], [11, 12, 13, 14, 21, 22], 3)
    history, lengths = windows.gather([3, 1])
    assert history.tolist() == [[21, 0], [11, 12]]
    assert lengths.tolist() == [1, 2]
    assert history.dtype == np.int64


def test_a_user_with_one_interaction_yields_no_example():
    windows, targets, users = build_windows([1, 2, 2], [5, 6, 7], 20)
    assert (len(windows), targets.tolist(), users.tolist()) == (1, [7], [2])


def test_no_interactions_yield_no_windows():
    windows, targets, users = build_windows([], [], 20)
    assert len(windows) == len(targets) == len(users) == 0
    assert windows.gather([])[0].shape == (0, 0)


def test_the_flat_items_are_stored_once():
    items = np.arange(1, 10_001)
    windows, _, _ = build_windows(np.ones_like(items), items, 50)
    assert windows.flat_items.size == items.size
    assert windows.starts.size == windows.lengths.size == items.size - 1


def test_times_are_compared_in_float64():
    assert flatten_sequences([1, 1], [2**60 + 1, 2**60]).tolist() == [0, 1]  # the same there


def test_arrays_of_narrow_kinds_become_int64():
    narrow = np.array([1, 1, 2], dtype=np.int32)
    windows, targets, users = build_windows(narrow, narrow, 3)
    given = SequenceWindows(flat_items=narrow, starts=narrow[:1], lengths=narrow[:1])
    arrays = [targets, users, *(getattr(one, name) for one in (windows, given) for name in vars(one))]
    assert len(arrays) == 8 and {array.dtype for array in arrays} == {np.dtype(np.int64)}


def test_histories_may_be_empty_and_end_with_the_last_item():
    windows = SequenceWindows(flat_items=[1, 2], starts=[0, 2, 0], lengths=[2, 0, 0])
    history, lengths = windows.gather([0, 1, 2])
    assert history.tolist() == [[1, 2], [0, 0], [0, 0]] and lengths.tolist() == [2, 0, 0]


def test_histories_of_one_item_are_the_one_right_before_the_target():
    windows, targets, _ = build_windows([1, 1, 1], [5, 6, 7], 1)
    history, lengths = windows.gather([0, 1])
    assert history.tolist() == [[5], [6]] and lengths.tolist() == [1, 1] and targets.tolist() == [6, 7]

import numpy as np
import pytest

from recbole_adasid.features.vectors import load_feature_file, tokens_beside

VECTORS = np.arange(12, dtype=np.float64).reshape(4, 3)
TOKENS = ["a", "b", "c", "d"]


def save_npz(folder, tokens=TOKENS, vectors=VECTORS, **other):
    path = folder / "features.npz"
    np.savez(path, item_id=np.array(tokens), embedding=vectors, **other)
    return path


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_vectors_are_aligned_by_token_whatever_the_float_type(tmp_path, dtype):
    features = load_feature_file(save_npz(tmp_path, vectors=VECTORS.astype(dtype)), ["c", "a"])
    assert features.values.tolist() == [[6, 7, 8], [0, 1, 2]]
    assert features.values.dtype == np.float32
    assert features.values.flags.c_contiguous


def test_numeric_and_byte_names_match_their_tokens(tmp_path):
    numeric = load_feature_file(save_npz(tmp_path, tokens=[7, 8, 9, 10]), ["10"])
    as_bytes = load_feature_file(save_npz(tmp_path, tokens=[b"w", b"x", b"y", b"z"]), ["z"])
    assert numeric.values.tolist() == as_bytes.values.tolist() == [[9, 10, 11]]


def test_npy_rows_are_named_by_the_file_beside_it(tmp_path):
    np.save(tmp_path / "text.npy", VECTORS)
    (tmp_path / "text.items.txt").write_text("d\nc\nb\na\n", encoding="utf-8")
    assert load_feature_file(tmp_path / "text.npy", ["a"]).values.tolist() == [[9, 10, 11]]


def test_a_part_without_rows_has_no_names(tmp_path):
    (tmp_path / "v.items.txt").write_text("")
    assert tokens_beside(tmp_path / "v.npy") == []


def test_the_source_follows_the_values_and_not_the_place(tmp_path):
    (tmp_path / "other").mkdir()
    first = load_feature_file(save_npz(tmp_path), ["a", "b"]).source
    moved = load_feature_file(save_npz(tmp_path / "other"), ["a", "b"]).source
    changed = load_feature_file(save_npz(tmp_path, vectors=VECTORS + 1), ["a", "b"]).source
    reordered = load_feature_file(save_npz(tmp_path), ["b", "a"]).source
    assert first == moved
    assert first != changed
    assert first != reordered


def with_value(value):
    vectors = VECTORS.copy()
    vectors[1, 2] = value
    return vectors


@pytest.mark.parametrize(
    ("content", "wanted", "message"),
    [
        ({}, ["a", "e", "f"], "no vector for 2 of 3 items, first 'e', 'f'"),
        ({"tokens": ["a", "b", "a", "d"]}, ["a"], "item 'a' more than once"),
        ({"vectors": with_value(np.nan)}, TOKENS, "item 'b'.* NaN or infinite"),
        ({"vectors": with_value(np.inf)}, TOKENS, "item 'b'.* NaN or infinite"),
        ({"vectors": with_value(1e300)}, TOKENS, "item 'b'.* NaN or infinite"),
        ({"vectors": VECTORS.astype(int)}, TOKENS, "has type int64"),
        ({"vectors": VECTORS[:3]}, TOKENS, r"shape \(3, 3\) for 4 item names"),
        ({"vectors": VECTORS[0]}, TOKENS, r"shape \(3,\) for 4 item names"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path, content, wanted, message):
    with pytest.raises(ValueError, match=message):
        load_feature_file(save_npz(tmp_path, **content), wanted)


def test_an_unwanted_item_may_hold_anything(tmp_path):
    assert len(load_feature_file(save_npz(tmp_path, vectors=with_value(np.nan)), ["a", "c"]).values) == 2


def test_an_npz_under_the_name_of_an_npy_is_refused(tmp_path):
    save_npz(tmp_path).rename(tmp_path / "text.npy")
    (tmp_path / "text.items.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    with pytest.raises(ValueError, match=r"text\.npy is not a \.npy file: save it with numpy.save"):
        load_feature_file(tmp_path / "text.npy", TOKENS)


def test_python_objects_are_not_unpickled(tmp_path):
    path = save_npz(tmp_path, tokens=np.array(TOKENS, dtype=object))
    with pytest.raises(ValueError, match="Python objects.*for safety"):
        load_feature_file(path, ["a"])


def test_missing_file_array_and_row_names_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no feature file .*nowhere.npz"):
        load_feature_file(tmp_path / "nowhere.npz", ["a"])
    np.savez(tmp_path / "half.npz", item_id=np.array(TOKENS))
    with pytest.raises(ValueError, match="also needs 'embedding'"):
        load_feature_file(tmp_path / "half.npz", ["a"])
    np.save(tmp_path / "text.npy", VECTORS)
    with pytest.raises(ValueError, match="one token per line in text.items.txt"):
        load_feature_file(tmp_path / "text.npy", ["a"])
    (tmp_path / "features.csv").write_text("a,1\n")
    with pytest.raises(ValueError, match="not '.csv'"):
        load_feature_file(tmp_path / "features.csv", ["a"])

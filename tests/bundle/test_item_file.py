"""`.item` files with Semantic IDs, and RecBole's own reading of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recbole_adasid.bundle.item_file import sid_columns, write_item_file
from recbole_adasid.bundle.item_sids import as_item_sids

SIDS = as_item_sids(["i1", "i2", "i3"], [[0, 12, 3], [0, 12, 4], [1, 0, 3]], [2, 16, 8], [0, 0, 0])
HEADER = "sid_1:token\tsid_2:token\tsid_3:token\tsid_1_to_2:token\tsid_1_to_3:token"


def test_each_level_and_each_longer_prefix_has_a_column(tmp_path: Path) -> None:
    assert write_item_file(tmp_path / "x.item", SIDS).read_text() == (
        f"item_id:token\t{HEADER}\ni1\t0\t12\t3\t0-12\t0-12-3\ni2\t0\t12\t4\t0-12\t0-12-4\ni3\t1\t0\t3\t1-0\t1-0-3\n"
    )
    assert sid_columns(1) == ["sid_1"]


def test_columns_of_another_file_come_along(tmp_path: Path) -> None:
    source = tmp_path / "old.item"
    source.write_text('sku:token\ttitle:token\ni3\t"a\ni9\tunknown\ni1\tb\n')
    path = write_item_file(tmp_path / "new.item", SIDS, extra_columns_from=source, item_field="sku")
    assert path.read_text() == (
        f"sku:token\ttitle:token\t{HEADER}\n"
        'i3\t"a\t1\t0\t3\t1-0\t1-0-3\n'
        "i9\tunknown\t\t\t\t\t\n"
        "i1\tb\t0\t12\t3\t0-12\t0-12-3\n"
        "i2\t\t0\t12\t4\t0-12\t0-12-4\n"
    )


def test_a_file_can_be_replaced_by_itself_with_semantic_ids(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    path.write_text("item_id:token\ttitle:token\ni1\tb\n")
    write_item_file(path, SIDS, extra_columns_from=str(path))
    assert path.read_text().splitlines()[1] == "i1\tb\t0\t12\t3\t0-12\t0-12-3"
    with pytest.raises(ValueError, match="already has a column 'sid_1'"):
        write_item_file(path, SIDS, extra_columns_from=path)


def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.item"
    with pytest.raises(FileNotFoundError, match="absent.item"):
        write_item_file(path, SIDS, extra_columns_from=tmp_path / "absent.item")
    (tmp_path / "other.item").write_text("item_id:token\ttitle:token\ni1\n")
    with pytest.raises(ValueError, match="line 2: 1 cells for 2 columns"):
        write_item_file(path, SIDS, extra_columns_from=tmp_path / "other.item")
    with pytest.raises(ValueError, match="no column 'sku'"):
        write_item_file(path, SIDS, extra_columns_from=tmp_path / "other.item", item_field="sku")
    with pytest.raises(ValueError, match="does not fit into"):
        write_item_file(path, as_item_sids(["a\tb"], [[0]], [1]))
    assert not path.exists()


def test_recbole_reads_the_columns_as_tokens(tmp_path: Path, write_dataset: Callable[..., Path]) -> None:
    """A stock RecBole dataset, which knows nothing of this package."""
    from recbole.config import Config
    from recbole.data.dataset import Dataset

    rows = [(f"u{user}", f"i{user % 3 + 1}", str(user)) for user in range(6)]
    data_path = write_dataset(tmp_path, rows)
    home = data_path / "tiny"
    write_item_file(home / "tiny.item", SIDS, extra_columns_from=home / "tiny.item")
    columns = ["item_id", "sid_1", "sid_2", "sid_1_to_2", "sid_1_to_3"]
    settings = {"data_path": str(data_path), "load_col": {"inter": ["user_id", "item_id"], "item": columns}}
    dataset = Dataset(Config("Pop", "tiny", config_dict=settings))
    named = {name: dataset.field2id_token[name] for name in columns}
    features = dataset.item_feat
    found = {
        str(named["item_id"][row]): [str(named[name][int(features[name][row])]) for name in columns[1:]]
        for row in range(1, 4)
    }
    assert found == {
        "i1": ["0", "12", "0-12", "0-12-3"],
        "i2": ["0", "12", "0-12", "0-12-4"],
        "i3": ["1", "0", "1-0", "1-0-3"],
    }

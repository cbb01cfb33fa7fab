"""A catalogue in shards gets the Semantic IDs that it gets in memory, by whatever workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

pyarrow = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from catalogue_shards import SIZES, assert_right, write_shards  # noqa: E402
from recbole_adasid.distributed.ray_cluster import Cluster, ThisProcess  # noqa: E402
from recbole_adasid.tokenizer.base import ItemTokenizer  # noqa: E402
from recbole_adasid.tokenizer.bulk.catalogue_codes import assign_codes  # noqa: E402
from recbole_adasid.tokenizer.bulk.catalogue_suffixes import number_suffixes  # noqa: E402
from recbole_adasid.tokenizer.bulk.feature_shards import shard_paths  # noqa: E402


def number(out: Path, shards: list[Path], memory: float = 1e9) -> None:
    number_suffixes([out / f"{shard.stem}.parquet" for shard in shards], SIZES, memory=memory)


@pytest.mark.parametrize("memory", [1e9, 3_000])
def test_codes_and_suffixes_are_those_of_the_catalogue_in_memory(
    shards: list[Path], tokenizer: ItemTokenizer, memory: float, tmp_path: Path
) -> None:
    found, failures = assign_codes(ThisProcess(), tokenizer, shards, tmp_path)
    assert not failures and [found[shard].items for shard in shards] == SIZES
    number(tmp_path, shards, memory)
    assert_right(tmp_path, tokenizer)


def test_two_workers_assign_what_one_process_assigns(
    two_workers: Cluster, shards: list[Path], tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    assign_codes(two_workers, tokenizer, shards, tmp_path)
    number(tmp_path, shards)
    assert_right(tmp_path, tokenizer)


def test_a_second_time_nothing_is_encoded_but_what_changed(
    shards: list[Path], tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    assign_codes(ThisProcess(), tokenizer, shards, tmp_path)
    number(tmp_path, shards)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    np.save(shards[1], np.load(shards[1]) + 1)
    (tmp_path / "part-2.parquet").write_bytes(b"half a file")
    found, _ = assign_codes(ThisProcess(), tokenizer, shards, tmp_path)
    assert [found[shard].reused for shard in shards] == [True, False, False, True]
    number(tmp_path, shards)
    assert {path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns == stamp} >= {"part-0.parquet"}
    again, _ = assign_codes(ThisProcess(), tokenizer, shards, tmp_path)
    assert all(one.reused for one in again.values())
    other = write_shards(tmp_path / "other")
    listing = other[3].with_suffix(".items.txt")
    listing.write_text(listing.read_text(encoding="utf-8").replace("i150", "renamed"), encoding="utf-8")
    found, _ = assign_codes(ThisProcess(), tokenizer, other, tmp_path)
    assert [found[shard].reused for shard in other] == [True, False, True, False]


@pytest.fixture
def broken(shards: list[Path]) -> list[Path]:
    """Damage three of the four shards, each in its way, beside one that has NaN."""
    shards[0].write_bytes(shards[0].read_bytes()[:200])
    shards[1].with_suffix(".items.txt").unlink()
    wrong = np.load(shards[3])
    wrong[30, 2] = np.nan
    np.save(shards[3], wrong)
    return shards


REASONS = [
    "part-0.parquet is not a Parquet file, or damaged",
    "part-1.items.txt",
    "part-3.npy has nan in row 30, column 2",
]


def test_damaged_shards_cost_themselves_alone(broken: list[Path], tokenizer: ItemTokenizer, tmp_path: Path) -> None:
    found, failures = assign_codes(ThisProcess(), tokenizer, broken, tmp_path)
    assert list(found) == [broken[2]] and (tmp_path / "part-2.parquet").is_file()
    for failure, reason in zip(failures, REASONS):
        assert reason in str(failure.error)


def test_workers_name_damaged_shards_too(
    two_workers: Cluster, broken: list[Path], tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    found, failures = assign_codes(two_workers, tokenizer, broken, tmp_path)
    assert list(found) == [broken[2]]
    reasons = sorted(str(failure.error) for failure in failures)
    assert all(any(reason in said for said in reasons) for reason in REASONS)


class Deadly(torch.nn.Module):
    """Kills its worker the first times that it is asked, and encodes as another tokenizer then."""

    def __init__(self, tokenizer: ItemTokenizer, marker: Path, deaths: int) -> None:
        super().__init__()
        self.tokenizer, self.marker, self.deaths = tokenizer, marker, deaths

    codebook_sizes = property(lambda self: self.tokenizer.codebook_sizes)

    def encode(self, features: torch.Tensor) -> torch.Tensor:
        deaths = len(list(self.marker.parent.glob(f"{self.marker.name}*")))
        if len(features) == 77 and deaths < self.deaths:
            self.marker.with_name(f"{self.marker.name}{deaths}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.tokenizer.encode(features)


@pytest.fixture
def deadly() -> type[Deadly]:
    """The class, sent to workers as it is: they cannot import this file."""
    import sys

    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield Deadly
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_a_worker_that_is_killed_costs_its_shard_a_second_try(
    two_workers: Cluster, deadly: type, shards: list[Path], tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    killing = deadly(tokenizer, tmp_path / "death", 1)
    found, failures = assign_codes(two_workers, killing, shards, tmp_path)
    assert not failures and len(found) == 4 and (tmp_path / "death0").exists()
    number(tmp_path, shards)
    assert_right(tmp_path, tokenizer)


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_named_and_the_others_are_done(
    two_workers: Cluster, deadly: type, shards: list[Path], tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    found, failures = assign_codes(two_workers, deadly(tokenizer, tmp_path / "death", 99), shards, tmp_path)
    assert [failure.job for failure in failures] == [shards[2]] and len(found) == 3
    assert "the task failed on 4 workers" in str(failures[0].error) and "lower ray_workers" in str(failures[0].error)


def test_an_item_that_stands_twice_is_named(shards: list[Path], tokenizer: ItemTokenizer, tmp_path: Path) -> None:
    listing = shards[3].with_suffix(".items.txt")
    listing.write_text(listing.read_text(encoding="utf-8").replace("i130", "i5"), encoding="utf-8")
    assign_codes(ThisProcess(), tokenizer, shards, tmp_path)
    with pytest.raises(ValueError, match=r"item 'i5' appears in part-0.parquet and again in part-3.parquet"):
        number(tmp_path, shards, 3_000)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "has no .npy or .parquet file"),
        (["a.npy", "a.parquet"], "two shards named a"),
        (None, "There are no features"),
    ],
)
def test_folders_that_hold_no_catalogue_are_refused(names: list[str] | None, said: str, tmp_path: Path) -> None:
    for name in names or []:
        (tmp_path / name).touch()
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        shard_paths(tmp_path if names is not None else tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        ([[1.0, 2.0], [3.0]], "missing or differs in length"),
        ([[1.0, 2.0], None], "missing or differs in length"),
        ([[1.0, None], [3.0, 4.0]], "has nulls"),
        ([1.0, 2.0], "embedding holds double"),
        ([["a"], ["b"]], "embedding holds list"),
    ],
)
def test_vectors_that_are_none_are_refused(
    embedding: list, said: str, tokenizer: ItemTokenizer, tmp_path: Path
) -> None:
    parquet.write_table(pyarrow.table({"item_id": ["a", "b"], "embedding": embedding}), tmp_path / "a.parquet")
    _, (failure,) = assign_codes(ThisProcess(), tokenizer, [tmp_path / "a.parquet"], tmp_path / "out")
    assert said in str(failure.error)

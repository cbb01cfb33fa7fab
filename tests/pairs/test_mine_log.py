"""The command over a log in files finds what the main job finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.cli import pairs as pairs_command
from recbole_adasid.distributed.ray_cluster import Cluster
from recbole_adasid.pairs.item_pairs import ItemPairs
from recbole_adasid.pairs.pair_file import load_pair_file

main = pairs_command.COMMAND.main

SMALL = ["--show_progress=false", "--memory=0.1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, write_dataset: Callable[..., Path]) -> Path:
    """A dataset whose users have from one to nine interactions, some at equal times."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{int(30 * rng.random() ** 2)}", str(int(rng.integers(5))))
        for user in range(60)
        for _ in range(int(rng.integers(1, 10)))
    ]
    order = rng.permutation(len(rows))
    return write_dataset(tmp_path_factory.mktemp("data"), [rows[row] for row in order])


@pytest.fixture
def settings(data: Path, tiny_settings: dict[str, Any]) -> dict[str, Any]:
    return {**tiny_settings, "data_path": str(data)}


def pairs_of_main_job(settings: dict[str, Any]) -> tuple[ItemPairs, list[str]]:
    """Return the pairs that a run mines, and the items' tokens."""
    from recbole.data import create_dataset

    from recbole_adasid.io.stage_cache import StageCache
    from recbole_adasid.learning.pipeline import collaborative_pairs
    from recbole_adasid.plugin.config.building import build_config

    config = build_config(settings)
    dataset = create_dataset(config)
    items = dataset.build()[0].training_items()
    return collaborative_pairs(config, items, StageCache(None)), items.item_tokens()


def assert_same(found: ItemPairs, expected: ItemPairs) -> None:
    assert len(expected) > 100
    for name, values in vars(expected).items():
        assert np.array_equal(getattr(found, name), values)


def test_one_file_of_pairs_is_the_main_job_s_to_the_bit(
    settings: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, tokens = pairs_of_main_job(settings)
    command = [f"--interactions={data / 'tiny' / 'tiny.inter'}", f"--out={tmp_path / 'pairs.npz'}", *SMALL]
    assert main(command) == 0, capsys.readouterr().err
    assert f"{len(expected):,} item pairs" in capsys.readouterr().out
    assert_same(load_pair_file(tmp_path / "pairs.npz", tokens), expected)
    assert main(command) == 2 and "already exists" in capsys.readouterr().err


def test_two_workers_write_shards_of_the_same_pairs_and_a_run_can_read_them(
    two_workers: Cluster, settings: dict[str, Any], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    expected, tokens = pairs_of_main_job(settings)
    where, out = data / "tiny" / "tiny.inter", tmp_path / "shards"
    engine = ["--engine=ray", "--ray_worker_memory=0.25"]
    assert main([f"--interactions={where}", f"--out={out}", *engine, *SMALL]) == 0, capsys.readouterr().err
    assert_same(load_pair_file(out, tokens), expected)
    given, _ = pairs_of_main_job({**settings, "pair_source": "file", "pair_file": str(out)})
    assert_same(given, expected)


def test_the_main_job_on_ray_has_the_fingerprint_of_the_main_job_here(
    two_workers: Cluster, settings: dict[str, Any]
) -> None:
    from recbole_adasid.plugin.run import run

    on_ray = {"pair_engine": "ray", "ray_worker_memory": 0.25}
    first = run({**settings, **on_ray, "tokenizer": "rqkmeans"})
    second = run({**settings, "tokenizer": "rqkmeans"})
    assert first["semantic_ids"].stages["pairs"] == "computed" and second["semantic_ids"].stages["pairs"] == "reused"
    assert first["semantic_ids"].fingerprint == second["semantic_ids"].fingerprint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out=p.npz"], "pairs needs --interactions=PATH"),
        (["--interactions=nowhere", "--out=p.npz"], "no log nowhere"),
        (["--interactions=.", "--out=p.npz"], "has no file of type"),
        (["--interactions=log.csv", "--out=p.npz", "--columns={who: x}"], "'who' is not one of"),
        (["--interactions=log.csv", "--out=p.npz", "--columns={user_id: who}"], "who"),
        (["--interactions=log.csv", "--out=p.npz", "--engine=spark"], "Unknown --engine 'spark'"),
        (["--interactions=log.csv", "--out=p.npz", "--swing_alpha=0"], "alpha is 0"),
        (["--interactions=log.csv", "--out=p.npz", "--swing_top_k=0"], "top_k is 0"),
        (["--interactions=log.csv", "--out=p.npz", "--held_out=-1"], "held_out=-1"),
        (["--interactions=log.csv", "--out=p.npz", "--memory=0"], "memory=0"),
        (["--interactions=bad.csv", "--out=p.npz"], "bad.csv, row 2: the timestamp is not a finite number"),
        (["--interactions=gap.csv", "--out=p.npz"], "gap.csv, row 1 has no item_id"),
        (["--interactions=empty.csv", "--out=p.npz"], "holds no interactions"),
        (["--interactions=short.csv", "--out=p.npz"], "short.csv, row 2: the timestamp is not a finite number"),
        (["--interactions=wide.csv", "--out=p.npz"], "wide.csv cannot be read as a table"),
        (["--interactions=nowhere", "--out=log.csv/p.npz"], "cannot write log.csv/p.npz"),
        (["--interactions=nowhere", "--out=log.csv/pairs"], "cannot write log.csv/pairs"),
        (["--interactions=nowhere", "--out=p.npz", "--work=absent"], "work=absent cannot hold temporary files"),
        (["--interactions=log.csv", "--out=p.npz"], "no two users share two items"),
        (["--interactions=long.csv", "--out=p.npz"], "longest item token has"),
    ],
)
def test_mistakes_end_in_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    head = "user_id,item_id,timestamp\n"
    files = {"log": "a,b,1\n", "bad": "a,b,1\nc,d,yesterday\n", "gap": "a,,1\n", "empty": ""}
    files |= {"wide": "a,b,1\nc,d,2,3\n", "short": "a,b,1\nc,d\n"}
    if "long.csv" in arguments[0]:
        files["long"] = f"a,{'x' * 50_000},1\n" + "".join(f"a,{number},1\n" for number in range(1000))
    for name, lines in files.items():
        (tmp_path / f"{name}.csv").write_text(head + lines, encoding="utf-8")
    if arguments[0].endswith("=."):
        for file in tmp_path.iterdir():
            file.unlink()
    assert main([*arguments, "--show_progress=false"]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "p.npz").exists()


def test_without_ray_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp\na,b,1\n", encoding="utf-8")
    command = [f"--interactions={tmp_path / 'log.csv'}", f"--out={tmp_path / 'p.npz'}", "--pair_engine=ray", *SMALL]
    assert main(command) == 2 and "pip install 'recbole-adasid[ray]'" in capsys.readouterr().err

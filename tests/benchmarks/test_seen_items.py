from __future__ import annotations

import json
import logging
import sys

import pytest
import torch

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks import seen_items  # noqa: E402
from benchmarks.seen_items import measure, metrics  # noqa: E402
from recbole_adasid.plugin.run import run  # noqa: E402


def test_metrics_of_one_held_out_item_a_user() -> None:
    hits = torch.zeros(4, 10, dtype=torch.bool)
    hits[0, 0] = hits[1, 2] = True
    assert metrics(hits) == {"recall@10": 0.5, "ndcg@10": 0.375}


def test_what_a_saved_model_had_measured_is_measured_again(tiny_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run({**tiny_settings, "model": "LIGER", "report": False, "topk": [10], "metric_decimal_place": 4})
    found = measure(str(done["run_folder"] / "model.safetensors"))
    assert found["all items"]["recall@10"] == pytest.approx(done["test"]["recall@10"], abs=1e-4)
    assert found["all items"]["ndcg@10"] == pytest.approx(done["test"]["ndcg@10"], abs=1e-4)
    assert found["without those seen"]["recall@10"] >= found["all items"]["recall@10"]
    assert 0 <= found["share of places with items seen"] <= 1


def test_each_model_is_a_line_of_json(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(seen_items, "measure", lambda path: {"model": path})
    monkeypatch.setattr(sys, "argv", ["program", "--model_files=a,b", f"--out={tmp_path / 'out.jsonl'}"])
    seen_items.main()
    logging.disable(logging.NOTSET)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"model": "a"}, {"model": "b"}]
    assert capsys.readouterr().out.splitlines() == lines

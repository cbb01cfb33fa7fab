from __future__ import annotations

import json
from pathlib import Path

from benchmarks.proxy_check import compare, markdown


def test_only_tokenizers_that_both_have_under_default_options_are_compared(tmp_path: Path) -> None:
    rows = [{"name": name, "title": name.upper(), "proxy_ndcg@10": value} for name, value in (("a", 1.0), ("b", 2.0))]
    (tmp_path / "table.json").write_text(json.dumps(rows))
    cells = [("a", "d", [], 0.1), ("a", "d", [], 0.3), ("b", "d", [], 0.5)]
    cells += [("b", "d", ["--epochs=2"], 9), ("c", "d", [], 1)]
    lines = [
        json.dumps({"cell": cell, "dataset": dataset, "common": common, "best_valid": {"ndcg@10": value}})
        for cell, dataset, common, value in [*cells, ("a", "other", [], 7)]
    ]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines))
    found = compare(tmp_path, tmp_path, "d")
    assert found.index.tolist() == ["b", "a"]
    assert found["tiger"].round(3).tolist() == [0.5, 0.2] and found["proxy"].tolist() == [2.0, 1.0]
    assert "| B | 0.5000 | 2.0000 |" in markdown(found, "d")

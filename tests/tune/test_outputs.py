from __future__ import annotations

from pathlib import Path

import yaml

from recbole_adasid.tune.outputs import write_report
from recbole_adasid.tune.search import Trial


def test_the_best_settings_leave_out_the_place_but_not_the_log(tmp_path: Path) -> None:
    place = {"data_path": "data", "worker": 2, "interactions_memory": 2.0, "image_private_hosts": True}
    fixed = {"dataset": "tiny", "interactions_files": "log", **place}
    best = write_report(tmp_path, [Trial("one", {"codebook_size": 4}, [0.5])], "ndcg@10", fixed, [])
    expected = {"dataset": "tiny", "interactions_files": "log", "codebook_size": 4}
    assert yaml.safe_load(best.read_text(encoding="utf-8")) == expected

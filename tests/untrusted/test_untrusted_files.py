"""A malicious pickle in every place where a file is loaded is refused and never executed.

Of what else a file may do: `test_untrusted_caches.py` (what is computed anew), `test_untrusted_yaml.py` (Python),
`plugin/patches/test_recbole_checkpoints.py` (what RecBole executes), `plugin/config/test_stored_settings.py` (settings
that act), `run_folder/test_model_check.py` (forged values), `run_folder/test_run_items.py` (what stands twice),
`settings/test_plain_yaml.py` (bombs), `features/test_images.py` (addresses and places), `test_fuzz_files.py` (all of
it, at random).
"""

from __future__ import annotations

import io
import pickle
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import chaos, proxy_check, ranking_report
from malicious_files import FORMS, Malicious, planted
from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.about_file import about_path
from recbole_adasid.bundle.folder import read_content
from recbole_adasid.bundle.given_sids import given_content
from recbole_adasid.bundle.item_file import write_item_file
from recbole_adasid.bundle.item_map import read_item_map
from recbole_adasid.bundle.item_sids import as_item_sids
from recbole_adasid.data.atomic_text import AtomicText
from recbole_adasid.data.convert.amazon_files import convert_amazon
from recbole_adasid.data.convert.download import RemoteFile, fetch
from recbole_adasid.data.convert.tables import RawTable, table_interactions
from recbole_adasid.data.item_labels import read_labels
from recbole_adasid.data.item_table import read_item_table
from recbole_adasid.data.log.log_files import read_log
from recbole_adasid.features.behaviour_vectors import read_item_vectors
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.features.vectors import load_feature_file
from recbole_adasid.grid import paired_tables as grid_pairs
from recbole_adasid.grid import report as grid_report
from recbole_adasid.grid.records import finished_cells
from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.tensor_file import read_tensors
from recbole_adasid.pairs.pair_file import load_pair_file
from recbole_adasid.plugin import audit
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.patches.quick_start import load_data_and_model
from recbole_adasid.report.run_report import write_run_report
from recbole_adasid.report.scorecard_report import write_scorecard_report
from recbole_adasid.run_folder.catalogue_log import read_changes
from recbole_adasid.run_folder.history import read_history
from recbole_adasid.run_folder.model_file import read_model
from recbole_adasid.run_folder.run_items import read_sids
from recbole_adasid.scorecard.cells import Cell, CellFolder
from recbole_adasid.serving.change_items import read_table, read_vectors
from recbole_adasid.serving.history_files import read_histories
from recbole_adasid.serving.published_run import check_published
from recbole_adasid.tokenizer.base import ItemTokenizer
from recbole_adasid.tokenizer.bulk.blocks import assign_semantic_ids
from recbole_adasid.tokenizer.bulk.feature_shards import read_shard
from recbole_adasid.tokenizer.bulk.sid_shards import read_assigned
from recbole_adasid.tokenizer.clustering.rq_kmeans import RQKMeansTokenizer
from recbole_adasid.tokenizer.saved import load_tokenizer
from recbole_adasid.tokenizer.scaling import FeatureScaler
from recbole_adasid.tune.space import read_space

ROOT = Path(__file__).resolve().parents[2]
Settings = dict[str, Any]


def test_the_files_are_malicious(marker: Path) -> None:
    executed = {
        "pickle": pickle.loads,
        "text pickle": pickle.loads,
        "torch": lambda content: torch.load(io.BytesIO(content), weights_only=False),
        "old torch": lambda content: torch.load(io.BytesIO(content), weights_only=False),
        "npy": lambda content: np.load(io.BytesIO(content), allow_pickle=True),
        "npz": lambda content: np.load(io.BytesIO(content), allow_pickle=True)["codes"],
    }
    for form, load in executed.items():
        load(FORMS[form](Malicious(marker)))
        assert marker.exists(), form
        marker.unlink()


def tokenizer() -> ItemTokenizer:
    scaler = FeatureScaler(width=2, mode="none")
    return RQKMeansTokenizer(scaler=scaler, width=2, codebook_sizes=[2], iterations=1, seed=0)


def cells(folder: Path) -> Any:
    """Read the cells of a scorecard, whose lines that cannot be read are left out."""
    assert CellFolder(folder).cells() == []
    raise ValueError("no line was a cell")


def reported_cells(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no finished cell"):
        write_scorecard_report(folder)
    raise ValueError("no line was a cell")


def audited(folder: Path, evil: bytes, name: str) -> None:
    (folder / "config.yaml").write_text("{}")
    (folder / "sids.info.json").write_text("{}")
    (folder / name).write_bytes(evil)
    audit.audit(folder)


def left_by(folder: Path, evil: bytes, name: str) -> None:
    for other in ("metrics.json", "sids.json"):
        (folder / other).write_text('{"best_valid": {}, "test": {}, "semantic_ids": {}}')
    (folder / name).write_bytes(evil)
    chaos.left_by(folder)


def compared(folder: Path, evil: bytes) -> None:
    (folder / "sids.json").write_bytes(evil)
    sys.argv = ["compare_runs.py", str(folder), str(folder)]
    runpy.run_path(str(ROOT / ".ci" / "compare_runs.py"))


def named_rows(folder: Path, evil: bytes) -> Any:
    """Load features from a malicious array next to a sound listing."""
    planted(folder, b"a\n", "f.items.txt")
    return load_feature_file(planted(folder, evil, "f.npy"), ["a"])


def known_rows(folder: Path, evil: bytes) -> Any:
    """Load features that a malicious listing names."""
    np.save(folder / "f.npy", np.zeros((1, 2), dtype=np.float32))
    planted(folder, evil, "f.items.txt")
    return load_feature_file(folder / "f.npy", ["a"])


def raw_metadata(folder: Path, evil: bytes) -> Any:
    reviews = planted(folder, b'{"reviewerID": "a", "asin": "b", "unixReviewTime": 1}', "reviews.json")
    return convert_amazon(reviews, planted(folder, evil, "meta.json"), folder / "x")


def raw_parquet(folder: Path, evil: bytes) -> Any:
    pytest.importorskip("pyarrow")
    return table_interactions(RawTable(planted(folder, evil, "log.parquet")), {})


def parquet_file(folder: Path, evil: bytes) -> Path:
    pytest.importorskip("pyarrow")
    return planted(folder, evil, "x.parquet")


def whole_log(folder: Path, evil: bytes, name: str) -> Any:
    return list(read_log([planted(folder, evil, name)], {}, 10))


def bundled(folder: Path, evil: bytes, name: str) -> Path:
    """Return a bundle's folder in which a malicious file stands in the place of one of its own."""
    SIDBundle(SIDS, tokenizer(), {}, {"settings": {"tokenizer_family": "rqkmeans"}}).save(folder / "bundle")
    return planted(folder / "bundle", evil, name).parents[name.count("/")]


def beside_published(folder: Path, evil: bytes) -> Any:
    """Import published Semantic IDs that a malicious file tells of."""
    path = planted(folder, b'{"a": ["<a_0>"]}', "x.index.json")
    planted(folder, evil, about_path(path).name)
    return SIDBundle.imported("letter", path, item2id="tokens")


SIDS = as_item_sids(["a"], [[0]], [2], [0])
CELL = Cell("a", "A", 1, "f", 1.0, {})
PLACES: dict[str, Callable[[Path, bytes], Any]] = {
    "model": lambda folder, evil: read_model(planted(folder, evil, "model.safetensors")),
    "model by RecBole's function": lambda folder, evil: load_data_and_model(planted(folder, evil, "m.safetensors")),
    "another model's checkpoint": lambda folder, evil: load_data_and_model(planted(folder, evil, "BPR.pth")),
    "tensors": lambda folder, evil: read_tensors(planted(folder, evil, "x.safetensors"), "x"),
    "tokenizer": lambda folder, evil: tokenizer().load(planted(folder, evil, "tokenizer.safetensors").parent),
    "features, npz": lambda folder, evil: load_feature_file(planted(folder, evil, "f.npz"), ["a"]),
    "features, npy": named_rows,
    "features' listing": known_rows,
    "item vectors": lambda folder, evil: read_item_vectors(planted(folder, evil, "v.npz"), ["a"]),
    "item pairs, npz": lambda folder, evil: load_pair_file(planted(folder, evil, "p.npz"), ["a"]),
    "item pairs, tsv": lambda folder, evil: load_pair_file(planted(folder, evil, "p.tsv"), ["a"]),
    "item pairs, Parquet": lambda folder, evil: load_pair_file(parquet_file(folder, evil), ["a"]),
    "a large log, Parquet": lambda folder, evil: list(read_log([parquet_file(folder, evil)], {}, 10)),
    "a large log, CSV": lambda folder, evil: whole_log(folder, evil, "log.csv"),
    "a large log, inter": lambda folder, evil: whole_log(folder, evil, "log.inter"),
    "features' shard, npy": lambda folder, evil: read_shard(planted(folder, evil, "f.npy")),
    "features' shard, Parquet": lambda folder, evil: read_shard(parquet_file(folder, evil)),
    "assigned Semantic IDs": lambda folder, evil: read_assigned(parquet_file(folder, evil)),
    "features on disk": lambda folder, evil: assign_semantic_ids(tokenizer(), planted(folder, evil, "f.npy")),
    "item table": lambda folder, evil: read_item_table(AtomicText(planted(folder, evil, "x.item"))),
    "raw reviews": lambda folder, evil: convert_amazon(planted(folder, evil, "reviews.json.gz"), None, folder / "x"),
    "raw metadata": raw_metadata,
    "raw CSV": lambda folder, evil: table_interactions(RawTable(planted(folder, evil, "log.csv")), {}),
    "raw JSON lines": lambda folder, evil: table_interactions(RawTable(planted(folder, evil, "log.jsonl")), {}),
    "raw Parquet": raw_parquet,
    "a download": lambda folder, evil: fetch(
        RemoteFile("http://127.0.0.1:9/x.gz"), planted(folder, evil, "x.gz").parent
    ),
    "ranks": lambda folder, evil: read_arrays(planted(folder, evil, "test_ranks.npz")),
    "labels": lambda folder, evil: read_labels(planted(folder, evil, "items.json")),
    "JSON": lambda folder, evil: read_json(planted(folder, evil, "sids.info.json")),
    "history": lambda folder, evil: read_history(planted(folder, evil, "history.json")),
    "report's settings": lambda folder, evil: write_run_report(planted(folder, evil, "config.yaml").parent),
    "report's scorecard": lambda folder, evil: reported_cells(planted(folder, evil, "cells.jsonl").parent),
    "scorecard's lines": lambda folder, evil: cells(planted(folder, evil, "cells.jsonl").parent),
    "scorecard's codes": lambda folder, evil: CellFolder(planted(folder, evil, "codes/a-1.npz").parents[1]).codes(CELL),
    "grid's lines": lambda folder, evil: finished_cells(planted(folder, evil, "cells.jsonl").parent),
    "grid's report": lambda folder, evil: grid_report.write_report(planted(folder, evil, "cells.jsonl").parent),
    "grid's ranks": lambda folder, evil: grid_pairs.per_user(
        planted(folder, evil, "ranks/r.npz").parents[1], [{"ranks": "r.npz"}], "recall@5"
    ),
    "ranking's lines": lambda folder, evil: ranking_report.finished_cells(planted(folder, evil, "cells.jsonl").parent),
    "proxy's table": lambda folder, evil: proxy_check.compare(planted(folder, evil, "table.json").parent, folder, "x"),
    "settings": lambda folder, evil: build_config({}, [planted(folder, evil, "mine.yaml")]),
    "searched space": lambda folder, evil: read_space(str(planted(folder, evil, "space.yaml")), {"epochs"}),
    "audited settings": lambda folder, evil: audited(folder, evil, "config.yaml"),
    "audited Semantic IDs": lambda folder, evil: audited(folder, evil, "sids.info.json"),
    "bundle's description": lambda folder, evil: read_content(bundled(folder, evil, "bundle.json")),
    "bundle's Semantic IDs": lambda folder, evil: read_content(bundled(folder, evil, "sids.safetensors")),
    "bundle's labels": lambda folder, evil: read_content(bundled(folder, evil, "items.json")),
    "bundle's tokenizer": lambda folder, evil: read_content(bundled(folder, evil, "tokenizer/tokenizer.safetensors")),
    "bundle of a run": lambda folder, evil: given_content(bundled(folder, evil, "sids.safetensors"), ["a"]),
    "published Semantic IDs, letter": lambda folder, evil: SIDBundle.imported(
        "letter", planted(folder, evil, "x.index.json"), item2id="tokens"
    ),
    "published Semantic IDs, recbole3": lambda folder, evil: SIDBundle.imported(
        "recbole3", planted(folder, evil, "x.json"), item2id="tokens", offset=False, suffix=False
    ),
    "what tells of published ones": beside_published,
    "item map": lambda folder, evil: read_item_map(planted(folder, evil, "x.item2id")),
    "item file that comes along": lambda folder, evil: write_item_file(
        folder / "new.item", SIDS, extra_columns_from=planted(folder, evil, "x.item")
    ),
    "new items": lambda folder, evil: read_changes(planted(folder, evil, "new-items.safetensors"), "x", 2),
    "new items' table": lambda folder, evil: read_table(planted(folder, evil, "new.item"), {}),
    "new items' vectors": lambda folder, evil: read_vectors(planted(folder, evil, "new.npz"), ["a"]),
    "features' words": lambda folder, evil: read_fitted(planted(folder, evil, "features.safetensors")),
    "Semantic IDs of a run": lambda folder, evil: read_sids(planted(folder, evil, "sids.json")),
    "tokenizer without its settings": lambda folder, evil: load_tokenizer(
        planted(folder, evil, "tokenizer.safetensors").parent
    ),
    "repository's description": lambda folder, evil: check_published(planted(folder, evil, "config.json").parent),
    "histories": lambda folder, evil: read_histories(planted(folder, evil, "histories.jsonl")),
    "histories, Parquet": lambda folder, evil: read_histories(parquet_file(folder, evil)),
    "killed run's model": lambda folder, evil: left_by(folder, evil, "model.safetensors"),
    "killed run's metrics": lambda folder, evil: left_by(folder, evil, "metrics.json"),
    "compared runs": compared,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_malicious_file_is_refused_and_not_executed(place: str, evil: bytes, tmp_path: Path, marker: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(ValueError):
        PLACES[place](folder, evil)
    assert not marker.exists()

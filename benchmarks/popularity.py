"""RecBole's own Pop on a dataset preset, leave-one-out in time order: the floor that any recommender must beat.

    python benchmarks/popularity.py --dataset=amazon-toys --data_path=data

The last line printed is JSON with the validation and test metrics. Batches hold one interaction, because RecBole's Pop
counts an item once a batch, however often it occurs there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import recbole_adasid  # noqa: F401  (makes RecBole run on current numpy, pandas and torch)


def main() -> None:
    """Fit and evaluate Pop, and print its metrics as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--data_path", default=None)
    arguments = parser.parse_args()
    print(json.dumps(popularity(arguments.dataset, arguments.data_path)))


def popularity(dataset_name: str, data_path: str | None) -> dict[str, dict[str, float]]:
    """Return ``best_valid`` and ``test`` metrics of RecBole's Pop."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender.pop import Pop
    from recbole.trainer import Trainer

    from recbole_adasid.host.props import read_props

    preset = read_props(f"dataset/{dataset_name}.yaml")
    intervals = {key: value for key, value in preset.items() if key.endswith("_num_interval")}
    settings = {
        "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
        "metrics": ["Recall", "NDCG"],
        "topk": [3, 5, 10],
        "valid_metric": "NDCG@10",
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "epochs": 1,
        "train_batch_size": 1,
        "checkpoint_dir": tempfile.mkdtemp(),
        **intervals,
    }
    if data_path is not None:
        settings["data_path"] = str(Path(data_path))
    config = Config(model="Pop", dataset=dataset_name, config_dict=settings)
    train_data, valid_data, test_data = data_preparation(config, create_dataset(config))
    model = Pop(config, train_data.dataset).to(config["device"])
    trainer = Trainer(config, model)
    _, best_valid = trainer.fit(train_data, valid_data, saved=False, show_progress=False)
    test = trainer.evaluate(test_data, load_best_model=False, show_progress=False)
    return {"best_valid": dict(best_valid), "test": dict(test)}


if __name__ == "__main__":
    main()

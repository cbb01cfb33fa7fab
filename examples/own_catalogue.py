"""From two pandas frames to recommendations: `python examples/own_catalogue.py [FOLDER]`.

Replace `made_up_orders` and `made_up_products` by frames of your own; `COLUMNS` says what theirs are called.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import recbole_adasid
from recbole_adasid.serving.recommender import Recommendation, Recommender

COLUMNS = {
    "interactions_columns": {"user_id": "customer", "item_id": "sku", "timestamp": "ordered"},
    "items_columns": {"item_id": "sku", "title": "name", "categories": "department"},
}
# A small catalogue needs a small model.
SETTINGS = {"model": "LIGER", "model_size": "tiny", "tokenizer": "adasid", "codebook_size": 16}
TRAINING = {"tokenizer_steps": 300, "epochs": 10, "train_batch_size": 128, "learning_rate": 0.005}

DEPARTMENTS = {
    "Home > Kitchen": ["bowl", "mug", "teapot", "pan"],
    "Home > Textiles": ["cushion", "blanket", "rug", "curtain"],
    "Office > Paper": ["notebook", "folder", "calendar", "envelope"],
    "Garden > Pots": ["planter", "saucer", "hanging pot", "trellis"],
}
LOOKS = ["plain", "striped", "tall", "small", "round", "antique", "light", "heavy"]


def made_up_products() -> pd.DataFrame:
    """Return sku, name and department of every look of every thing."""
    things = [(department, thing) for department, names in DEPARTMENTS.items() for thing in names]
    rows = [(f"{look} {thing}", department) for department, thing in things for look in LOOKS]
    products = pd.DataFrame(rows, columns=["name", "department"])
    products.insert(0, "sku", [f"P{number:03}" for number in range(len(products))])
    return products


def made_up_orders(products: pd.DataFrame, n_customers: int = 300) -> pd.DataFrame:
    """Return customer, sku and date of orders by customers who like one department and one look."""
    random = np.random.default_rng(0)
    look = products["name"].str.split().str[0]
    orders = []
    for customer in range(n_customers):
        liked = (products["department"] == random.choice(list(DEPARTMENTS))).to_numpy() * 5.0
        liked += (look == random.choice(LOOKS)).to_numpy() * 5.0 + 0.1
        skus = random.choice(products["sku"], size=random.integers(6, 15), replace=False, p=liked / liked.sum())
        days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(365, size=len(skus))), unit="D")
        orders.append(pd.DataFrame({"customer": f"C{customer:03}", "sku": skus, "ordered": days.strftime("%Y-%m-%d")}))
    return pd.concat(orders, ignore_index=True)


def main(folder: Path, **settings: Any) -> list[Recommendation]:
    """Write the frames as tables, train on them, and return recommendations for one customer."""
    products = made_up_products()
    orders = made_up_orders(products)
    folder.mkdir(parents=True, exist_ok=True)
    products.to_csv(folder / "products.csv", index=False)
    orders.to_csv(folder / "orders.csv", index=False)

    files = {
        "dataset": "shop",
        "data_path": str(folder / "data"),
        "interactions_table": str(folder / "orders.csv"),
        "items_table": str(folder / "products.csv"),
        "run_root": str(folder / "runs"),
        "cache_dir": str(folder / "cache"),
        "show_progress": False,
    }
    finished = recbole_adasid.run({**files, **COLUMNS, **SETTINGS, **TRAINING, **settings})

    recommender = Recommender.load(finished["run_folder"])
    history = orders.loc[orders["customer"] == "C000", "sku"].tolist()
    print("C000 has:", ", ".join(products.set_index("sku").loc[history, "name"]))
    recommended = recommender.recommend(history, k=5)
    for item in recommended:
        codes = recommender.semantic_ids([item.item])[0]
        print(f"{item.score:8.2f}  {item.item}  {item.title} ({item.category})  Semantic ID {codes}")
    return recommended


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "shop"))

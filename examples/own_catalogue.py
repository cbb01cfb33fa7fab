"""From two pandas frames to recommendations: `python examples/own_catalogue.py [FOLDER]`.

Replace `made_up_orders` and `made_up_products` with your own frames, from pandas, Polars or Arrow, and `COLUMNS` with
their column names. Needs `pip install 'recbole-adasid[frames]'`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import recbole_adasid
from recbole_adasid.frames import recommend
from recbole_adasid.serving.recommender import Recommender

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


def main(folder: Path, **settings: Any) -> pd.DataFrame:
    """Train on the frames and return recommendations for every customer."""
    products = made_up_products()
    orders = made_up_orders(products)
    output = {"dataset": "shop", "run_root": str(folder / "runs"), "cache_dir": str(folder / "cache")}
    finished = recbole_adasid.run(
        {**output, **COLUMNS, **SETTINGS, **TRAINING, "show_progress": False, **settings},
        interactions=orders,
        items=products,
    )

    recommender = Recommender.load(finished["run_folder"])
    recommended = recommend(recommender, orders, k=5, columns=COLUMNS["interactions_columns"])
    history = orders.loc[orders["customer"] == "C000", "sku"]
    print("C000 has:", ", ".join(products.set_index("sku").loc[history, "name"]))
    first = recommended[recommended["customer"] == "C000"]
    print(first.assign(semantic_id=recommender.semantic_ids(first["sku"])).to_string(index=False))
    return recommended


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "shop"))

"""Generate a synthetic shop, products with pictures and orders, to try the path from raw files to recommendations.

    python -m benchmarks.made_up_shop --out=shop-raw [--products=1000] [--customers=800]

The folder gets `products.csv` (sku, name, maker, department, price, picture), `pictures/SKU.png` and `orders.csv`
(customer, sku, ordered). The text says what a product is; only the picture shows its colour. Customers prefer certain
departments and colours, and buy accordingly. A few products have no picture, and one picture is corrupt.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from recbole_adasid.settings.arguments import parse_arguments

DEPARTMENTS = {
    "Home > Lighting": ["lamp", "lantern", "candle holder"],
    "Home > Kitchen": ["bowl", "mug", "teapot"],
    "Home > Textiles": ["cushion", "blanket", "rug"],
    "Office > Desk": ["pen stand", "tray", "lamp arm"],
    "Office > Paper": ["notebook", "folder", "calendar"],
    "Garden > Pots": ["planter", "hanging pot", "saucer"],
    "Toys > Games": ["board game", "puzzle", "dice tower"],
    "Toys > Soft": ["bear", "rabbit", "whale"],
}
COLOURS = {
    **{"red": (200, 40, 40), "blue": (40, 70, 200), "green": (40, 150, 60)},
    **{"yellow": (230, 200, 50), "black": (30, 30, 30), "white": (245, 245, 245)},
}
STYLES = ["plain", "striped", "tall", "small", "folding", "round", "antique", "light", "heavy", "nested"]
MAKERS = ["Aldern", "Birke & Co", "Corvo", "Dunlin", "Estuary"]
PICTURE_SIZE = 64
NO_PICTURE = 50  # every so many-th product


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the shop; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    settings, _ = parse_arguments(given)
    if set(settings) - {"out", "products", "customers"} or "out" not in settings:
        print(__doc__)
        return 2
    folder = Path(str(settings["out"]))
    write_shop(folder, int(settings.get("products", 1000)), int(settings.get("customers", 800)))
    print(f"products.csv, pictures and orders.csv are in {folder}")
    return 0


def write_shop(folder: Path, n_products: int, n_customers: int, seed: int = 0) -> None:
    """Write products, pictures and orders into a folder."""
    random = np.random.default_rng(seed)
    departments = random.integers(len(DEPARTMENTS), size=n_products)
    colours = random.integers(len(COLOURS), size=n_products)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    products = [_product(row, int(department), random) for row, department in enumerate(departments)]
    _write_csv(folder / "products.csv", ["sku", "name", "maker", "department", "price", "picture"], products)
    for row, product in enumerate(products):
        if product[-1]:
            _draw(folder / "pictures" / product[-1], list(COLOURS.values())[colours[row]], random)
    (folder / "pictures" / products[1][-1]).write_bytes(b"this is no picture")
    orders = _orders(departments, colours, n_customers, random)
    _write_csv(folder / "orders.csv", ["customer", "sku", "ordered"], orders)


def _product(row: int, department: int, random: np.random.Generator) -> list[Any]:
    path = list(DEPARTMENTS)[department]
    name = f"{random.choice(STYLES)} {random.choice(DEPARTMENTS[path])}".capitalize()
    picture = "" if row % NO_PICTURE == 0 else f"{_sku(row)}.png"
    return [_sku(row), f"{name}, no. {row}", random.choice(MAKERS), path, f"{random.uniform(3, 90):.2f}", picture]


def _sku(row: int) -> str:
    return f"P{row:05d}"


def _draw(path: Path, colour: tuple[int, int, int], random: np.random.Generator) -> None:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (PICTURE_SIZE, PICTURE_SIZE), (210, 210, 205))
    left, top = random.integers(4, 16, size=2)
    right, bottom = random.integers(44, 60, size=2)
    ImageDraw.Draw(picture).ellipse((int(left), int(top), int(right), int(bottom)), fill=colour)
    picture.save(path)


def _orders(
    departments: np.ndarray, colours: np.ndarray, n_customers: int, random: np.random.Generator
) -> Iterable[list[str]]:
    """Yield the orders of customers who buy mostly within a department and mostly in one colour."""
    day = datetime(2026, 1, 1)
    for customer in range(n_customers):
        department, colour = random.integers(len(DEPARTMENTS)), random.integers(len(COLOURS))
        appeal = np.where(departments == department, 8.0, 1.0) * np.where(colours == colour, 8.0, 1.0)
        bought = random.choice(len(appeal), size=random.integers(6, 16), replace=False, p=appeal / appeal.sum())
        for number, row in enumerate(bought):
            yield [f"C{customer:04d}", _sku(int(row)), (day + timedelta(days=customer % 90 + number)).isoformat()]


def _write_csv(path: Path, names: list[str], rows: Iterable[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)


if __name__ == "__main__":
    sys.exit(main())

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "own_catalogue.py"


def test_two_frames_become_recommendations(tmp_path, capsys):
    pytest.importorskip("narwhals")
    spec = importlib.util.spec_from_file_location("own_catalogue", SCRIPT)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    orders = example.made_up_orders(example.made_up_products())
    recommended = example.main(tmp_path / "shop", tokenizer_steps=20, epochs=1, report=False)
    assert recommended["rank"].tolist() == [1, 2, 3, 4, 5] * orders["customer"].nunique()
    assert recommended.merge(orders, on=["customer", "sku"]).empty
    assert recommended["title"].all() and recommended["category"].isin(example.DEPARTMENTS).all()
    first = recommended[recommended["customer"] == "C000"]
    shown = capsys.readouterr().out.splitlines()[-5:]
    assert all(sku in line and line.endswith("]") for sku, line in zip(first["sku"], shown))

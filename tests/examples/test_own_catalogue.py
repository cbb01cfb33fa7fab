import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "own_catalogue.py"


@pytest.mark.slow
def test_two_frames_become_recommendations(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("own_catalogue", SCRIPT)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    orders = example.made_up_orders(example.made_up_products())
    recommended = example.main(tmp_path / "shop", tokenizer_steps=20, epochs=1, report=False)
    assert len({item.item for item in recommended}) == 5
    assert not {item.item for item in recommended} & set(orders.loc[orders["customer"] == "C000", "sku"])
    assert all(item.title and item.category in example.DEPARTMENTS for item in recommended)
    assert capsys.readouterr().out.count("Semantic ID [") == 5

from __future__ import annotations

import numpy as np
import pytest
from recbole.data import create_dataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.output.held_out import earlier_interactions, example_rows


@pytest.fixture
def parts(tiny_settings):
    return create_dataset(build_config(tiny_settings)).build()


def literal_histories(path) -> dict[str, list[str]]:
    histories: dict[str, list[str]] = {}
    for line in path.read_text().splitlines()[1:]:
        user, item, _ = line.split("\t")
        histories.setdefault(user, []).append(item)
    return histories


@pytest.mark.parametrize(("number", "later"), [(1, 2), (2, 1)], ids=["validation", "test"])
def test_users_and_items_of_a_record_lead_back_to_their_whole_history(number, later, parts, tiny_data):
    part = parts[number]
    order = np.random.default_rng(0).permutation(len(part))
    record = {
        "user": part.inter_feat["user_id"].numpy()[order],
        "item": part.inter_feat["item_id"].numpy()[order],
    }
    rows = example_rows(part, record)
    assert rows.tolist() == order.tolist()
    places, items = earlier_interactions(part, rows)
    names, users = part.field2id_token["item_id"], part.field2id_token["user_id"]
    expected = literal_histories(tiny_data / "tiny" / "tiny.inter")
    for place in range(len(rows)):
        found = [str(names[item]) for item in items[places == place]]
        assert found == expected[str(users[record["user"][place]])][:-later]
    assert max(np.bincount(places)) > part.config["MAX_ITEM_LIST_LENGTH"]

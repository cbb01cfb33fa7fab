from __future__ import annotations

import numpy as np
import pytest
from recbole.data import create_dataset

from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.output.shown_examples import HIT_USERS, RANDOM_USERS, item_examples, user_examples
from recbole_adasid.tokenizer.agreement import embedding_pairs


def test_items_are_popular_ones_and_random_ones_with_their_nearest_by_cosine():
    features = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    popularity = np.random.default_rng(1).integers(1000, size=60)
    tokens = [f"t{row}" for row in range(60)]
    found = item_examples(embedding_pairs(features), popularity, tokens)
    by_count = sorted(tokens, key=lambda token: -popularity[int(token[1:])])
    assert [one["item"] for one in found[:12]] == by_count[:12] and {one["chosen"] for one in found[:12]} == {"popular"}
    assert len({one["item"] for one in found}) == 24 and {one["chosen"] for one in found[12:]} == {"random"}
    centred = features - features.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    for one in found:
        row = int(one["item"][1:])
        cosines = unit @ unit[row]
        nearest = [other for other in np.argsort(-cosines) if other != row][:10]
        assert one["nearest"] == [tokens[other] for other in nearest]
        assert one["cosines"] == pytest.approx(cosines[nearest], abs=1e-4)


def test_without_features_there_are_no_items():
    assert item_examples(None, np.zeros(3, dtype=np.int64), ["a", "b", "c"]) == []


def test_users_are_random_ones_and_hits_with_what_they_had(tiny_settings, tiny_data):
    *_, test = create_dataset(build_config(tiny_settings)).build()
    users, items = (test.inter_feat[field].numpy() for field in ("user_id", "item_id"))
    rank = np.where(np.arange(len(users)) % 3 == 0, 2, 0)
    found = user_examples(test, {"user": users, "item": items, "rank": rank}, longest=4)
    assert [one["chosen"] for one in found] == ["random"] * RANDOM_USERS + ["hit"] * HIT_USERS
    assert len({one["row"] for one in found}) == len(found)
    assert all(rank[one["row"]] for one in found if one["chosen"] == "hit")
    assert found == user_examples(test, {"user": users, "item": items, "rank": rank}, longest=4)
    lines = [line.split("\t") for line in (tiny_data / "tiny" / "tiny.inter").read_text().splitlines()[1:]]
    for one in found:
        user = str(test.field2id_token["user_id"][users[one["row"]]])
        *history, held_out = [item for name, item, _ in lines if name == user]
        assert (one["history"], one["earlier"], one["held_out"]) == (history, 0, held_out)
    assert user_examples(test, {"user": users[:0], "item": items[:0], "rank": rank[:0]}, longest=4) == []


def test_a_long_history_is_cut_and_counted(tiny_settings, tmp_path, write_dataset):
    rows = [(f"u{user}", f"i{(user + step) % 50}", str(step)) for user in range(3) for step in range(60)]
    settings = {**tiny_settings, "data_path": str(write_dataset(tmp_path / "data", rows))}
    *_, test = create_dataset(build_config(settings)).build()
    record = {"user": np.array([1]), "item": test.inter_feat["item_id"].numpy()[:1], "rank": np.array([0])}
    (one,) = user_examples(test, record, longest=30)
    assert len(one["history"]) == 30 and one["earlier"] == 29 and one["history"][-1] == "i8"

from __future__ import annotations

import json

import numpy as np
import pytest
from recbole.data import create_dataset

from recbole_adasid.evaluation.metric_intervals import bootstrap_intervals
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.output.held_out import earlier_interactions, example_rows
from recbole_adasid.plugin.run import run


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


@pytest.fixture
def with_repeats(tiny_settings, tmp_path, write_dataset):
    """Settings of a split by time over all users, whose last ones come back to items: some have several test rows."""
    steps = [(user, step) for user in range(12) for step in range(12)]
    rows = [(f"u{user}", f"i{(2 * user + step % 2) % 20}", str(100 * step + user)) for user, step in steps]
    order = {"split": {"RS": [0.6, 0.1, 0.3]}, "order": "TO", "group_by": "none", "mode": "full"}
    return {**tiny_settings, "data_path": str(write_dataset(tmp_path / "data", rows)), "eval_args": order}


def test_an_item_that_a_user_has_twice_leads_back_to_either_example(with_repeats):
    *_, test = create_dataset(build_config(with_repeats)).build()
    users, items = (test.inter_feat[field].numpy() for field in ("user_id", "item_id"))
    keys = np.stack([users, items], axis=1)
    assert len(np.unique(users)) < len(np.unique(keys, axis=0)) < len(users)
    assert example_rows(test, {"user": users, "item": items}).tolist() == list(range(len(users)))
    by_user = np.argsort(users, kind="stable")
    assert example_rows(test, {"user": users[by_user], "item": items[by_user]}).tolist() == by_user.tolist()


@pytest.mark.parametrize("model", ["TIGER", "SASRec", "BPR"])
def test_users_with_several_held_out_items_are_counted_once_by_page_console_and_intervals(with_repeats, model):
    known = ("dataset", "data_path", "eval_args", "epochs", "MAX_ITEM_LIST_LENGTH", "run_root", "show_progress")
    settings = {**with_repeats, "report": True} if model == "TIGER" else {key: with_repeats[key] for key in known}
    folder = run({**settings, "model": model})["run_folder"]
    ranks = np.load(folder / "test_ranks.npz")
    n_rows, n_users = len(ranks["user"]), len(np.unique(ranks["user"]))
    assert n_users < n_rows
    evaluation, metrics = (json.loads((folder / f"{name}.json").read_text()) for name in ("evaluation", "metrics"))
    assert (evaluation["interactions"], evaluation["users"]) == (n_rows, n_users)
    expected = bootstrap_intervals(ranks["rank"], ["recall@5"], users=ranks["user"])["recall@5"]
    assert tuple(metrics["test_intervals"]["recall@5"]) == pytest.approx(expected)
    told = f"{n_rows} interactions of {n_users} users"
    assert told in (folder / "run.log").read_text() and told in (folder / "evaluation.md").read_text()
    if model == "TIGER":
        page = (folder / "report.html").read_text()
        assert told in page and "Share of test interactions" in page and "several slices" in page

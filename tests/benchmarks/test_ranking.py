from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import ranking
from benchmarks.ranking_report import BINS, bin_name, figures, finished_cells
from benchmarks.ranking_rows import PARTS, POPULAR, POSITIVE, UNIFORM, Rows, ranking_data, unowned, write_items
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.scorecard.cells import Cell, CellFolder

pytestmark = pytest.mark.usefixtures("elsewhere")

ITEMS = 25


@pytest.fixture
def data_path(tmp_path: Path, write_dataset: Any) -> Path:
    random = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{item}", str(place))
        for user in range(30)
        for place, item in enumerate(random.permutation(ITEMS)[: random.integers(4, 9)])
    ]
    rows += [(f"v{user}", f"i{item}", str(place)) for user in range(20) for place, item in enumerate((1, 2, 3, 4))]
    path = write_dataset(tmp_path, rows)
    lines = [f'i{item}\t{"" if item % 3 else "a "}"b\tX > Y{item % 4} | Z\n' for item in range(ITEMS)]
    (path / "tiny" / "tiny.item").write_text("item_id:token\tbrand:token\tcategories:token\n" + "".join(lines))
    return path


def parts(data_path: Path) -> list[Any]:
    from recbole.data import create_dataset

    given = {"dataset": "tiny", "data_path": str(data_path), "MAX_ITEM_LIST_LENGTH": 3, "show_progress": False}
    return create_dataset(build_config(given)).build()


def sequences(data_path: Path, part: Any) -> dict[int, list[int]]:
    """Return RecBole's item ids of each of its users, oldest first."""
    found: dict[int, list[int]] = {}
    for line in (data_path / "tiny" / "tiny.inter").read_text().splitlines()[1:]:
        user, item, _ = line.split("\t")
        ids = part.token2id(part.uid_field, user), part.token2id(part.iid_field, item)
        found.setdefault(ids[0], []).append(ids[1])
    return found


def test_positives_are_the_parts_of_leave_one_out_and_negatives_are_never_the_user_s_own(data_path: Path) -> None:
    built = parts(data_path)
    data, bought = ranking_data(built), sequences(data_path, built[0])
    held_out = {"train": 2, "valid": 1, "test": 0}
    for name, rows in data.parts.items():
        count = len(rows.users) // 3
        assert rows.kinds.tolist() == [kind for kind in (POSITIVE, UNIFORM, POPULAR) for _ in range(count)]
        for row, (user, item) in enumerate(zip(rows.users.tolist(), rows.items.tolist())):
            known = bought[user][: len(bought[user]) - held_out[name]]  # at the end of that part
            if row >= count:
                assert item not in known and 1 <= item <= ITEMS
                continue
            place = bought[user].index(item)
            assert rows.histories[row].tolist() == bought[user][max(0, place - 3) : place]
            assert place == len(known) - 1 or name == "train" and 0 < place < len(known)
    counts = np.bincount([item for items in bought.values() for item in items[:-2]], minlength=ITEMS + 1)
    assert np.array_equal(data.popularity, counts)


def test_the_rows_are_the_same_each_time_and_popular_negatives_are_drawn_by_popularity(data_path: Path) -> None:
    built = parts(data_path)
    data, again = ranking_data(built), ranking_data(built)
    assert all(np.array_equal(data.parts[name].items, again.parts[name].items) for name in PARTS)
    rows = data.parts["train"]
    popular, uniform = (data.popularity[rows.items[rows.kinds == kind]] for kind in (POPULAR, UNIFORM))
    assert (popular > 0).all() and popular.mean() > uniform.mean() + 2


def test_a_user_who_has_everything_that_can_be_drawn_is_named() -> None:
    owned = np.array([1 * 3 + 1, 1 * 3 + 2])  # user 1 of a catalogue of two
    with pytest.raises(ValueError, match="user number 1"):
        unowned(np.array([1]), owned, 2, lambda count: np.ones(count, dtype=np.int64))


def test_figures_are_those_of_loops_over_the_definition() -> None:
    random = np.random.default_rng(0)
    kinds = np.repeat([POSITIVE, UNIFORM, POPULAR], 40)
    rows = Rows(np.zeros(120, dtype=np.int64), random.integers(1, 13, size=120), kinds, [])
    scores = random.integers(1, 10, size=120) / 10  # with ties
    popularity = np.array([0, 0, 0, 1, 4, 5, 9, 10, 19, 20, 21, 0, 99])
    found = figures(rows, scores, popularity)

    def wanted(against: tuple[int, ...], low: int, high: float) -> tuple[float, float]:
        chosen = [row for row in range(120) if kinds[row] in (POSITIVE, *against)]
        chosen = [row for row in chosen if low <= popularity[rows.items[row]] <= high]
        positives = [scores[row] for row in chosen if kinds[row] == POSITIVE]
        negatives = [scores[row] for row in chosen if kinds[row] != POSITIVE]
        wins = [(one > other) + 0.5 * (one == other) for one in positives for other in negatives]
        losses = [-math.log(scores[row] if kinds[row] == POSITIVE else 1 - scores[row]) for row in chosen]
        return sum(wins) / len(wins), sum(losses) / len(losses)

    assert found["auc"] == pytest.approx(wanted((UNIFORM,), 0, 99)[0])
    assert found["auc_popular"] == pytest.approx(wanted((POPULAR,), 0, 99)[0])
    assert found["logloss"] == pytest.approx(wanted((UNIFORM, POPULAR), 0, 99)[1])
    for low, high in BINS:
        name = bin_name(low, high)
        both = found[f"auc {name}"], found[f"logloss {name}"]
        assert both == pytest.approx(wanted((UNIFORM,), low, 99 if high is None else high))
    assert sum(found[f"positives {bin_name(*one)}"] for one in BINS) == 40


def test_the_control_has_the_codes_of_other_items_and_content_no_quotes(data_path: Path, tmp_path: Path) -> None:
    items = parts(data_path)[0].training_items()
    codes = np.stack([np.arange(ITEMS), np.arange(ITEMS) % 2], axis=1)
    file = tmp_path / "x.item"
    write_items(file, items, codes)
    header, *lines = [line.split("\t") for line in file.read_text().splitlines()]
    names = [name.partition(":")[0] for name in header]
    assert names == [
        *("item_id", "brand", "category", "control_1", "control_2", "control_1_to_2"),
        *("sid_1", "sid_2", "sid_1_to_2"),
    ]
    table = {name: [line[place] for line in lines] for place, name in enumerate(names)}
    assert table["item_id"] == items.tokens and table["sid_1"] == [str(code) for code in range(ITEMS)]
    assert sorted(table["control_1_to_2"]) == sorted(table["sid_1_to_2"]) and table["control_1"] != table["sid_1"]
    ids = [int(token[1:]) for token in items.tokens]
    assert len({(brand, number % 3 == 0) for brand, number in zip(table["brand"], ids)}) == 2
    assert len({(category, number % 4) for category, number in zip(table["category"], ids)}) == 4


def test_a_comparison_goes_on_where_it_stopped(
    data_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scorecard, random = CellFolder(tmp_path / "scorecard"), np.random.default_rng(0)
    for name in ("adasid", "rqvae", "rqkmeans"):
        scorecard.add(Cell(name, name, 1, f"of {name}", 1.0, {}), random.integers(3, size=(ITEMS, 3)))
    out = tmp_path / "out"
    argv = ["program", "--dataset=tiny", f"--data_path={data_path}", "--seeds=1", f"--out={out}"]
    argv += [f"--scorecard={scorecard.path}", "--epochs=1", "--MAX_ITEM_LIST_LENGTH=3"]

    def compare() -> list[str]:
        monkeypatch.setattr(sys, "argv", list(argv))
        ranking.main()
        return [line for line in capsys.readouterr().out.splitlines() if ", seed 1: AUC" in line]

    names = [(model, name) for name, one in ranking.VARIANTS.items() for model in one.models]
    assert len(compare()) == len(names) and compare() == []
    text = (out / "README.md").read_text()
    assert text.count("| item id alone | 1 | ") == 4 and "## DIN on tiny" in text  # two tables a model
    assert {(cell["model"], cell["variant"]) for cell in finished_cells(out)} == set(names)
    table = json.loads((out / "table.json").read_text())
    assert len(table) == len(names) and all(0 <= row["auc"] <= 1 for row in table)
    lines = (out / "cells.jsonl").read_text().splitlines(keepends=True)
    (out / "cells.jsonl").write_text("".join(lines[:-1]) + lines[-1][:30])
    (again,) = compare()
    assert again.startswith(f"{json.loads(lines[-1])['model']}, {json.loads(lines[-1])['variant']}, ")
    first, second = json.loads(lines[-1]), finished_cells(out)[-1]
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    scorecard.add(Cell("rqvae", "rqvae", 1, "of another run", 1.0, {}), random.integers(3, size=(ITEMS, 3)))
    assert len(compare()) == len([one for one in ranking.VARIANTS.values() if one.tokenizer == "rqvae"])

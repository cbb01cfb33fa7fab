"""A month's run on the Semantic IDs of the month before: all of them stay, and new items find theirs as before."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recbole_adasid.bundle import SIDBundle
from recbole_adasid.bundle.item_sids import as_item_sids
from recbole_adasid.features.fitted_state import read_fitted
from recbole_adasid.io.json_file import read_json
from recbole_adasid.io.stage_cache import StageCache
from recbole_adasid.io.tensor_file import MismatchedFile
from recbole_adasid.learning.given_sids import GivenSIDs, given_semantic_ids
from recbole_adasid.plugin.output.run_outputs import remove_earlier
from recbole_adasid.plugin.run import run
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.serving.recommender import Recommender
from recbole_adasid.tokenizer.saved import load_tokenizer
from small_dataset import N_ITEMS, SmallDataset, config, small_dataset

Settings = dict[str, Any]
Rows = list[tuple[str, str, str]]
GONE = "i3"
ADDED = {"item_id": ["i90", "i93"], "title": ["the red thing number i90", "the blue thing number i93"]}


def month(last: int, users: range, *, without: str = "") -> Rows:
    """Users who walk round the items i0 … i19 and then see the items from i90 on, up to the last."""
    items = [f"i{number}" for number in (*range(20), *range(90, last + 1)) if f"i{number}" != without]
    rows = []
    for user in users:
        first, length = (7 * user) % len(items), 5 + user % 4
        rows += [(f"u{user}", items[(first + step) % len(items)], str(1000 + step)) for step in range(length)]
    return rows


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("months")


@pytest.fixture(scope="module")
def settings(base: Path, write_dataset: Callable[..., Path]) -> Settings:
    settings = {"dataset": "tiny", "tokenizer": "rqkmeans", "codebook_size": 2, "text_fields": ["title"]}
    settings |= {"text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny", "epochs": 1, "beam_size": 30}
    settings |= {"show_progress": False, "report": False, "run_root": str(base), "cache_dir": str(base / "cache")}
    return {**settings, "data_path": str(write_dataset(base / "first", month(89, range(40))))}


@pytest.fixture(scope="module", params=["TIGER", "LIGER"])
def first(request: pytest.FixtureRequest, settings: Settings, base: Path) -> Path:
    """The run of the first month, with two items that came later."""
    folder = run({**settings, "model": request.param, "run_folder": str(base / f"first {request.param}")})["run_folder"]
    recommender = Recommender.load(folder)
    recommender.add_items(ADDED["item_id"], table=ADDED)
    recommender.save()
    return folder


@pytest.fixture(scope="module")
def bundle(first: Path, base: Path) -> Path:
    folder = base / f"bundle of {first.name}"
    SIDBundle.from_run(first).save(folder)
    return folder


@pytest.fixture(scope="module")
def second(first: Path, bundle: Path, settings: Settings, base: Path, write_dataset: Callable[..., Path]) -> Path:
    """The run of the second month: other users come first, an item is gone, and two that no run has met are there."""
    data = write_dataset(base / "second", month(92, range(60, 20, -1), without=GONE))
    changes = {"data_path": str(data), "sids_file": str(bundle), "model": first.name.split()[-1]}
    return run({**settings, **changes, "run_folder": str(base / f"second {first.name}")})["run_folder"]


def complete(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return all Semantic IDs of a run, with suffix."""
    bundle = SIDBundle.from_run(folder)
    return dict(zip(bundle.tokens, map(tuple, bundle.sids.sequences.tolist())))


def test_every_item_keeps_its_complete_semantic_id(first: Path, second: Path) -> None:
    before, after = complete(first), complete(second)
    tokens = list(read_json(second / "sids.json"))
    assert tokens[:5] != list(before)[:5]  # or the order would not be put to the test
    assert {token: after[token] for token in before} == before
    assert set(after) - set(before) == {"i91", "i92"} and len(set(after.values())) == len(after)
    assert GONE not in tokens and "i93" not in tokens and "i90" in tokens


def test_the_tokenizer_and_what_its_encoders_learned_are_carried_over(first: Path, second: Path) -> None:
    mine, theirs = (read_fitted(folder / "features.safetensors") for folder in (second, first))
    assert mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in theirs)
    (after, told), (before, description) = (load_tokenizer(folder / "tokenizer") for folder in (second, first))
    assert all(told[key] == description[key] for key in ("tokenizer", "features", "pairs"))
    assert all(value.equal(before.state_dict()[name]) for name, value in after.state_dict().items())
    bundles = [SIDBundle.from_run(folder) for folder in (first, second)]
    assert bundles[0].about["feature_kind"] == bundles[1].about["feature_kind"]
    assert bundles[0].about["fingerprints"]["features"] == bundles[1].about["fingerprints"]["features"]


def test_new_items_find_the_codes_that_the_first_run_gives_them(first: Path, second: Path, tmp_path: Path) -> None:
    table = {"item_id": ["n1", "n2"], "title": [title_with_room(first, second), "a blue thing, quite new"]}
    found = []
    for folder in (first, second):
        recommender = Recommender.load(shutil.copytree(folder, tmp_path / folder.name))
        new = recommender.add_items(table["item_id"], table=table, bad_items="skip").items
        found.append({token: codes[:-1] for token, codes in zip(new, recommender.semantic_ids(new))})
        assert "n1" in new and recommender.recommend(["i90", "n1"], k=3)
        recommender.save()
        assert set(new) <= set(complete(recommender.live.folder.path))
    assert all(found[0][token] == found[1][token] for token in found[0].keys() & found[1].keys())


def title_with_room(*folders: Path) -> str:
    """Return the title of an item whose codes can take one item more in every run; which it is differs by processor."""
    sequences = [complete(folder) for folder in folders]
    sizes = [Counter(codes[:-1] for codes in of.values()) for of in sequences]
    free = [
        token for token in sequences[0] if all(n[of[token][:-1]] < max(n.values()) for n, of in zip(sizes, sequences))
    ]
    return next(
        f"the {'red' if int(token[1:]) % 2 else 'blue'} thing number {token}" for token in free if int(token[1:]) < 90
    )


def test_items_that_the_data_lacks_have_their_semantic_id_kept_for_them(first: Path, second: Path, tmp_path) -> None:
    before = complete(first)
    recommender = Recommender.load(shutil.copytree(second, tmp_path / "run"))
    same = [f"n{number}" for number in range(12)]  # those with equal codes take all that is free
    recommender.add_items(same, table={"item_id": same, "title": ["the blue thing number i93"] * 12}, bad_items="skip")
    placed = [token for token in same if token in recommender.tokens]
    assert placed and not set(map(tuple, recommender.semantic_ids(placed))) & set(before.values())
    table = {"item_id": [GONE, "i93"], "title": ["the blue thing number i3", "quite another title"]}
    recommender.add_items(table["item_id"], table=table)
    recommender.save()
    again = Recommender.load(tmp_path / "run")
    assert [tuple(one) for one in again.semantic_ids([GONE, "i93"])] == [before[GONE], before["i93"]]
    assert {token: complete(tmp_path / "run")[token] for token in before} == before


def test_a_kept_semantic_id_that_is_another_items_is_refused(second: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(second, tmp_path / "run"))
    kept, own = read_json(folder / "reserved-sids.json"), read_json(folder / "sids.json")
    (folder / "reserved-sids.json").write_text(json.dumps({**kept, GONE: next(iter(own.values()))}), encoding="utf-8")
    assert read_json(folder / "sids.info.json")["collision"] == "suffix"
    with pytest.raises(MismatchedFile, match="gives an item the Semantic ID of another one"):
        Recommender.load(folder).add_items([GONE], table={"item_id": [GONE], "title": ["the blue thing number i3"]})


def test_a_run_on_semantic_ids_alone_keeps_no_encoders_of_an_earlier_run_in_its_folder(second: Path, tmp_path) -> None:
    folder = RunFolder(shutil.copytree(second, tmp_path / "run"))
    assert folder.tokenizer_path.is_dir() and folder.fitted_path.is_file()
    remove_earlier(folder)
    assert not folder.tokenizer_path.exists() and not folder.fitted_path.exists()


def test_the_chain_goes_on(first: Path, second: Path, settings: Settings, base: Path, write_dataset) -> None:
    SIDBundle.from_run(second).save(base / f"bundle of {second.name}")
    data = write_dataset(base / f"third {first.name}", month(93, range(40, 80)))
    changes = {"data_path": str(data), "sids_file": str(base / f"bundle of {second.name}")}
    changes |= {"model": first.name.split()[-1], "run_folder": str(base / f"third run {first.name}")}
    third = run({**settings, **changes})["run_folder"]
    before, after = complete(second), complete(third)
    assert {token: after[token] for token in before} == before and not (third / "reserved-sids.json").exists()
    arrival = Recommender.load(third).add_items(["n1"], table={"item_id": ["n1"], "title": ["the red thing"]})
    assert arrival.items == ["n1"]


def test_a_run_without_encoders_says_so_before_anything_else(
    first: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = SIDBundle.from_run(first)
    SIDBundle(bundle.sids, bundle.tokenizer, {}, {**bundle.about, "feature_kind": None}).save(tmp_path / "earlier")
    with caplog.at_level(logging.WARNING):
        folder = run({**settings, "sids_file": str(tmp_path / "earlier"), "run_folder": str(tmp_path / "run")})
    assert "cannot take new items. It lacks the state of its feature encoders" in caplog.text
    assert not (folder["run_folder"] / "tokenizer").exists()
    recommender = Recommender.load(folder["run_folder"])
    said = "cannot encode new items: its Semantic IDs came from a bundle .* make a bundle"
    with pytest.raises(ValueError, match=said):
        recommender.add_items(["n1"], table={"no": ["column"]})
    recommender.remove_items(["i5"])
    assert recommender.add_items(["i5"], table={"item_id": ["i5"]}).items == ["i5"]  # needs no encoder


@pytest.fixture
def dataset(tmp_path: Path) -> SmallDataset:
    return small_dataset(tmp_path)


def text_settings(folder: Path, **changes: Any) -> Settings:
    """Settings with features from texts, of a dataset with one."""
    lines = [f"i{row}\t{'red' if row % 2 else 'blue'} thing {row}\ta brand" for row in range(N_ITEMS)]
    header = "item_id:token\ttitle:token\tbrand:token\n"
    (folder / "small.item").write_text(header + "\n".join(lines) + "\n")
    return config(
        "rqkmeans", folder, item_features_file=None, sids_file=str(folder / "b"), collision="suffix", **changes
    )


def given_by(settings: Settings, dataset: SmallDataset, suffix: Any = None, rows: int = N_ITEMS) -> GivenSIDs:
    """Return what a run gets from the bundle of a run that learned its Semantic IDs with the same settings."""
    from recbole_adasid.features.feature_kind import feature_kind
    from recbole_adasid.learning.pipeline import learn_semantic_ids

    learned = learn_semantic_ids({**settings, "sids_file": None}, dataset)
    sids = as_item_sids(
        dataset.item_tokens()[:rows], learned.codes[:rows], learned.codebook_sizes, suffix and suffix[:rows]
    )
    about = {"settings": learned.description["tokenizer"], "feature_kind": feature_kind(settings)}
    SIDBundle(sids, learned.tokenizer, {}, about, learned.fitted).save(settings["sids_file"])
    return given_semantic_ids(settings, dataset, StageCache(None))


def test_features_of_another_kind_leave_the_tokenizer_behind(dataset, tmp_path, caplog) -> None:
    settings = text_settings(tmp_path)
    with caplog.at_level(logging.INFO):
        assert given_by(settings, dataset).encoders is not None
    assert "100% of 30 items get the same codes" in caplog.text
    other = {**settings, "text_fields": ["title", "brand"]}
    found = given_semantic_ids(other, dataset, StageCache(None))
    assert found.encoders is None and found.features is not None
    assert (
        "encodes item features of text_fields=['title'], but this run's are of text_fields=['title', 'brand']: use"
        in (caplog.text)
    )
    assert given_semantic_ids({**settings, "text_fields": []}, dataset, StageCache(None)).encoders is None
    assert "but this run has none: use the same settings" in caplog.text
    wide = given_semantic_ids({**settings, "text_width": 3}, dataset, StageCache(None))  # which the state decides
    assert wide.encoders is not None and wide.features.values.shape[1] == 5


def test_vectors_from_another_model_are_noticed(dataset, tmp_path, caplog) -> None:
    settings = config("rqkmeans", tmp_path, sids_file=str(tmp_path / "b"), collision="suffix")
    assert given_by(settings, dataset).encoders is not None and "Only" not in caplog.text
    tokens, random = np.array(dataset.item_tokens()), np.random.default_rng(9)
    np.savez(tmp_path / "features.npz", item_id=tokens, embedding=random.normal(size=(N_ITEMS, 10)))
    assert given_semantic_ids(settings, dataset, StageCache(None)).encoders is not None
    assert "of 30 items get the same codes as in" in caplog.text and "are these the features" in caplog.text
    np.savez(tmp_path / "features.npz", item_id=tokens, embedding=random.normal(size=(N_ITEMS, 4)))
    assert given_semantic_ids(settings, dataset, StageCache(None)).encoders is None
    assert "have 4 columns, but the tokenizer of" in caplog.text


def test_unknown_items_follow_those_of_the_bundle(dataset, tmp_path) -> None:
    settings = text_settings(tmp_path)
    suffix = [2 * row for row in range(N_ITEMS)][::-1]  # with gaps, and in no order
    found = given_by(settings, dataset, suffix, rows=20)
    assert found.suffix is not None and found.suffix[:20].tolist() == suffix[:20]
    taken = [(*code, number) for code, number in zip(found.codes.tolist(), found.suffix.tolist())]
    for row in range(20, N_ITEMS):
        before = [one[-1] for one in taken[:row] if one[:-1] == taken[row][:-1]]
        assert taken[row][-1] == max(before, default=-1) + 1
    shared = given_semantic_ids({**settings, "collision": "shared"}, dataset, StageCache(None))
    assert shared.suffix is None and np.array_equal(shared.codes, found.codes)


def test_the_fingerprint_tells_suffixes_that_are_not_those_of_the_item_order(dataset, tmp_path) -> None:
    settings = text_settings(tmp_path)
    plain = given_by(settings, dataset)
    order = plain.described()
    assert "suffix" not in order and "fitted" in order
    kept = dataclasses.replace(plain, suffix=np.arange(N_ITEMS))
    assert kept.described()["suffix"] != order.get("suffix") and kept.described()["suffixes"] == N_ITEMS


def test_suffixes_too_large_for_a_level_are_numbered_again(dataset, tmp_path, caplog) -> None:
    found = given_by(text_settings(tmp_path), dataset, [10**6 + row for row in range(N_ITEMS)])
    assert found.suffix is None and found.reserved is None and "are renumbered" in caplog.text

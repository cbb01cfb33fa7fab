"""Implementation of `recbole-adasid audit`: did a run learn anything from held-out interactions?"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recbole_adasid.data.cold_items import draw_cold_items
from recbole_adasid.data.interactions import InteractionArrays
from recbole_adasid.features.behaviour_modality import COOCCURRENCE, KIND
from recbole_adasid.io.digests import fingerprint
from recbole_adasid.io.json_file import read_json
from recbole_adasid.pairs.sources import FILE
from recbole_adasid.run_folder.folder import RunFolder
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.harmless import harmless, nothing_fetched
from recbole_adasid.settings.reading import read_settings_files
from recbole_adasid.tokenizer.saved import load_tokenizer

_MAY_HAVE_SEEN = "which may have seen held-out interactions"


def audit(run_folder: str | Path, *, trusted: bool = False) -> list[tuple[str, bool | None]]:
    """Return statements about a finished run and whether each holds, recomputed from its settings and its dataset.

    None means undecidable, as for the origin of user-supplied pairs.

    Args:
        run_folder: run folder.
        trusted: the run is your own, so files that its settings name may be downloaded.

    Raises:
        FileNotFoundError: if there is no such folder, or its recommender has no Semantic IDs.
        SettingsError: if the folder does not hold a finished run.
    """
    from recbole_adasid.plugin.config.building import build_config

    folder = RunFolder.existing(run_folder, with_semantic_ids=True).path
    for name in ("config.yaml", "sids.info.json"):
        if not (folder / name).is_file():
            raise SettingsError(f"{folder} has no {name}: give --run_folder the folder of a finished run.")
    settings = {**read_settings_files([folder / "config.yaml"]), "cache_dir": None, "eval_examples": None}
    with nullcontext() if trusted else nothing_fetched():
        config = build_config(settings if trusted else harmless(settings, folder.resolve()))
        return _audited(folder, config)


def _audited(folder: Path, config: Any) -> list[tuple[str, bool | None]]:
    from recbole.data import create_dataset

    from recbole_adasid.learning.pipeline import semantic_ids_fingerprint

    train, valid, test = create_dataset(config).build()
    held_out = np.concatenate([valid.targets(), test.targets()])
    info = read_json(folder / "sids.info.json")
    users, items = train.training_items().training_interactions().arrays()
    flat = test.flat_items  # of all interactions, whatever the training part leaves out
    leave_one_out = "LS" in config["eval_args"]["split"]
    kept, others = np.setdiff1d(np.arange(len(flat)), held_out), "all other interactions"
    if not leave_one_out:
        kept, others = _of_trained_users(test, kept), f"{others} of users with a training example"
    cold = None
    if config["cold_item_share"]:
        cold = draw_cold_items(train.item_num - 1, config["cold_item_share"], config["seed"])
        kept = kept[~cold[flat[kept] - 1]]
    honest = np.array_equal(items, flat[kept] - 1)
    expected = semantic_ids_fingerprint(config, train.training_items(), _made_with(folder, config))
    checks: list[tuple[str, bool | None]] = [
        ("no training history reaches a held-out interaction", not np.isin(history_positions(train), held_out).any()),
        ("no training target is a held-out interaction", not np.isin(train.targets(), held_out).any()),
        _about_pairs(config, others, honest),
        (
            "the Semantic IDs' fingerprint is that of these pairs, features and settings",
            info.get("fingerprint") == expected,
        ),
    ]
    if not config["sids_file"]:
        checks += _about_behaviour(folder, config, InteractionArrays(users, items), cold, others, honest)
    if cold is not None:
        checks += _about_cold_items(folder, train, flat, cold, expected)
    if config["sids_file"]:
        checks.append((f"Semantic IDs come from {config['sids_file']}, {_MAY_HAVE_SEEN}", None))
    if config["warm_start"]:
        checks.append((f"training began with the weights of {config['warm_start']}, {_MAY_HAVE_SEEN}", None))
    if leave_one_out:
        last_two = bool((test.user_spans(held_out)[1] - held_out <= 2).all())
        checks.append(("held-out interactions are their users' last two", last_two))
    return checks


def _made_with(folder: Path, config: Any) -> dict[str, Any] | None:
    """Return the description in a run's tokenizer: an earlier version or another processor is not a violation."""
    path = RunFolder.existing(folder).tokenizer_path
    return load_tokenizer(path)[1] if path.is_dir() and not config["sids_file"] else None


def _of_trained_users(part: Any, kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of some interactions whose users have more among them than their first, which is no target and may
    be later than what was held out of others.
    """
    begins, _ = part.user_spans(kept)
    return kept[np.isin(begins, begins[kept > begins])]


def _about_pairs(config: Any, others: str, honest: bool) -> tuple[str, bool | None]:
    if config["pair_source"] == FILE:
        return f"item pairs come from {config['pair_file']}, {_MAY_HAVE_SEEN}", None
    return f"item pairs are mined from {others}", honest


def _about_behaviour(
    folder: Path, config: Any, training: InteractionArrays, cold: NDArray[np.bool_] | None, others: str, honest: bool
) -> list[tuple[str, bool | None]]:
    """Return, for each behaviour modality, whether it was made from the training interactions alone.

    Checks what the run recorded, not what its settings would give today.

    Args:
        folder: run folder.
        config: its settings.
        training: its training interactions.
        cold: [N], which items are held out, drawn again; None: none.
        others: which interactions may be known.
        honest: whether the training interactions are those.
    """
    noted = load_tokenizer(RunFolder.existing(folder).tokenizer_path)[1]["features"].get("modalities", [])
    found: list[tuple[str, bool | None]] = []
    for modality, source in zip(config["modalities"] or [], noted):
        if source.get("kind") != KIND:
            continue
        name, digest = modality["behaviour"], source["training_interactions"]
        if digest is None:
            found.append((f"item features come from {name}, {_MAY_HAVE_SEEN}", None))
            continue
        of = training
        if cold is not None and source["of"] == COOCCURRENCE:  # among the other items, renumbered
            of = InteractionArrays(training.users, (np.cumsum(~cold) - 1)[training.items])
        about = f"behaviour in the item features ({name}) comes from {others} and no held-out one"
        found.append((about, honest and digest == of.digest()))
    return found


def _about_cold_items(
    folder: Path, train: Any, flat: NDArray[np.int64], cold: NDArray[np.bool_], expected: str
) -> list[tuple[str, bool | None]]:
    """Return whether held-out items took no part in training.

    Args:
        folder: run folder.
        train: the training part of its dataset.
        flat: items of all interactions, ordered by user and time.
        cold: [N], which items are held out, drawn again.
        expected: fingerprint of Semantic IDs whose tokenizer saw the other items alone.
    """

    def none_cold(positions: NDArray[np.int64]) -> bool:
        return not cold[flat[positions] - 1].any()

    items = train.training_items()
    left_out = items.cold_items()
    _, trained_on = load_tokenizer(RunFolder.existing(folder).tokenizer_path)
    return [
        ("no training history contains a cold item", none_cold(history_positions(train))),
        ("no training target is a cold item", none_cold(train.targets())),
        (
            "item pairs are mined from no interaction of a cold item",
            not cold[items.training_interactions().arrays()[1]].any(),
        ),
        (
            "the tokenizer was trained on the features and pairs of the other items alone",
            left_out is not None and np.array_equal(left_out, cold) and fingerprint(trained_on) == expected,
        ),
    ]


def history_positions(part: Any) -> NDArray[np.int64]:
    """Return the positions, among all interactions, that occur in the history of some example of a part."""
    starts, lengths = part.spans()
    steps = np.zeros(len(part.flat_items) + 1, dtype=np.int64)
    np.add.at(steps, starts, 1)
    np.add.at(steps, starts + lengths, -1)
    return part.among_all(np.flatnonzero(steps.cumsum()[:-1] > 0))

"""The file of a trained TIGER: weights, optimiser, and the data they belong to; reading it executes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recbole_adasid.compute.optimizer_state import PREFIX, optimizer_state, restore_optimizer
from recbole_adasid.io.tensor_file import DamagedFile, MismatchedFile, below, check_fit, read_tensors, write_tensors
from recbole_adasid.model.names import LIGER
from recbole_adasid.model.settings import BEFORE_THERE_WAS_A_CHOICE
from recbole_adasid.run_folder.model_check import check_description, check_model, check_weights
from recbole_adasid.settings.errors import SettingsError
from recbole_adasid.settings.harmless import harmless

KIND = "tiger-model"
SUFFIX = ".safetensors"
_TOKENS_AT_ONCE = 100_000
_OPTIMIZER_LAYOUT = 2
"""The order of the parameters in an optimiser's state: those that decay, then the others. Earlier versions had them in
the model's order, except for AdamW, and did not name a layout."""


@dataclass(frozen=True)
class SavedModel:
    """A model file with intact content; whether it fits a model is checked on use."""

    path: Path
    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def fill(self, model: Any) -> None:
        """Load the file's weights and Semantic IDs into a TIGER.

        Raises:
            MismatchedFile: if they belong to another dataset, other items or another architecture.
        """
        weights = below("model", self.tensors)
        self.check_data(model.data)
        try:
            sizes, own = self.about["sid_level_sizes"], list(model.sid_level_sizes)
            if sizes != own:
                raise MismatchedFile(f"{self.path} has Semantic IDs of level sizes {sizes}, this model {own}")
            check_fit(self.path, weights, model.state_dict())
        except MismatchedFile as error:
            raise MismatchedFile(f"{error}: build the model with the settings it was trained with") from None
        model.load_state_dict(weights)

    def resume(self, trainer: Any) -> None:
        """Restore a trainer's state from this file, to resume with the next epoch.

        Raises:
            MismatchedFile: as in :meth:`fill`, or if another `learner` was used, or an earlier version with another
                order of parameters.
        """
        learner = self.about["config"]["settings"]["learner"]
        if learner != trainer.config["learner"]:
            raise MismatchedFile(
                f"{self.path} was trained with learner={learner}, not {trainer.config['learner']}: set the same learner"
            )
        self._check_layout(learner)
        self.fill(trainer.model)
        self._check_optimizer(trainer.optimizer)
        restore_optimizer(trainer.optimizer, self.tensors, self.about["optimizer_numbers"])
        trainer.start_epoch, trainer.cur_step = self.about["epoch"] + 1, self.about["cur_step"]
        trainer.best_valid_score = self.about["best_valid_score"]

    def _check_layout(self, learner: str) -> None:
        """Check that the optimiser's state has its parameters in the order of this version."""
        if learner.lower() == "adamw" or self.about.get("optimizer_layout") == _OPTIMIZER_LAYOUT:
            return
        if below(PREFIX, self.tensors):
            raise MismatchedFile(
                f"{self.path} has an optimiser state ({learner}) of an earlier version, which had its parameters in "
                "another order: train again, or load the model without resuming"
            )

    def _check_optimizer(self, optimizer: Any) -> None:
        """Check that the optimiser's state matches its parameters."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for name, value in {**below(PREFIX, self.tensors), **below(PREFIX, self.about["optimizer_numbers"])}.items():
            index, _, what = name.partition("/")
            known = index.isdecimal() and len(index) < 9 and int(index) < len(parameters) and what and "/" not in what
            shapes = (torch.Size(()), parameters[int(index)].shape) if known else ()
            if not known or isinstance(value, Tensor) and value.shape not in shapes:
                raise MismatchedFile(f"{self.path} has an optimiser state {name} that matches none of its parameters")

    def check_data(self, data: dict[str, Any]) -> None:
        """Check that the model was trained on a dataset, see :func:`describe_data`.

        Raises:
            MismatchedFile: if it has another name, other items or, with user tokens, other users.
        """
        trained = self.about["data"]
        if trained["dataset"] != data["dataset"]:
            raise MismatchedFile(
                f"{self.path} was trained on the dataset {trained['dataset']!r}, not on {data['dataset']!r}: use a "
                "model of this dataset or train one"
            )
        if trained != data:
            raise MismatchedFile(
                f"{self.path} was trained on other items or users of {data['dataset']!r} than it has now "
                f"({trained['items']} items then, {data['items']} now, compared by token and order): restore the "
                "dataset's files and filters, or train again"
            )


def describe_data(dataset: Any, *, with_users: bool) -> dict[str, Any]:
    """Return the data that weights and Semantic IDs are bound to: a RecBole dataset's name and ordered items.

    Args:
        dataset: after filtering.
        with_users: for a network with user tokens, which is also bound to the users.
    """
    fields = [dataset.iid_field, *([dataset.uid_field] if with_users else [])]
    tokens = [dataset.field2id_token[field] for field in fields]
    digest = tokens_digest(*(_parts(column) for column in tokens))
    return {"dataset": dataset.dataset_name, "items": len(tokens[0]) - 1, "digest": digest}


def _parts(tokens: Any) -> Iterator[list[str]]:
    """Yield the tokens of RecBole's numbers from 1, in chunks: they may be on disk."""
    for start in range(1, len(tokens), _TOKENS_AT_ONCE):
        yield [str(token) for token in tokens[start : start + _TOKENS_AT_ONCE]]


def tokens_digest(*columns: Iterable[list[str]]) -> str:
    """Return an ordered digest of the tokens of items, and of users if there is a second column.

    A column comes in chunks. The digest is that of the JSON text of a list of columns.
    """
    digest = hashlib.sha256(b"[")
    for number, parts in enumerate(columns):
        digest.update(b", [" if number else b"[")
        for place, part in enumerate(parts):
            digest.update((", " * (place > 0) + json.dumps(part)[1:-1]).encode())
        digest.update(b"]")
    digest.update(b"]")
    return digest.hexdigest()


def save_model(trainer: Any, path: Path, *, config: dict[str, Any], epoch: int) -> None:
    """Write a trainer's TIGER after ``epoch``; a crash leaves the old file or the new one.

    Args:
        trainer: model, optimiser and progress.
        path: file path.
        config: the settings as plain values.
        epoch: the last finished epoch.
    """
    tensors, numbers = optimizer_state(trainer.optimizer)
    tensors |= {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    write_tensors(path, KIND, tensors, _description(trainer, config, epoch, numbers))


def check_before_training(trainer: Any, path: Path, *, config: dict[str, Any]) -> None:
    """Check that :func:`read_model` will accept what :func:`save_model` is going to write, so that no training is lost.

    Args:
        trainer: model and progress.
        path: file path, not written yet.
        config: the settings as plain values.

    Raises:
        SettingsError: naming the setting, size or weight that it would refuse.
    """
    about = json.loads(json.dumps(_description(trainer, config, 0, {})))
    try:
        check_description(path, about)
        check_weights(path, trainer.model.state_dict(), about)
    except DamagedFile as error:
        raise SettingsError(
            f"A model with these settings could not be loaded after training, so training did not start: {error}. "
            "Correct what it names."
        ) from None


def _description(trainer: Any, config: dict[str, Any], epoch: int, numbers: dict[str, Any]) -> dict[str, Any]:
    return {
        "config": config,
        "data": trainer.model.data,
        "sid_level_sizes": list(trainer.model.sid_level_sizes),
        "content_width": trainer.model.content_width,
        "epoch": epoch,
        "cur_step": trainer.cur_step,
        "best_valid_score": float(trainer.best_valid_score),
        "optimizer_numbers": numbers,
        "optimizer_layout": _OPTIMIZER_LAYOUT,
    }


def read_model(path: Path, *, trusted: bool = False) -> SavedModel:
    """Read a file of :func:`save_model`.

    Args:
        path: file path.
        trusted: the file is the user's own, so its settings may have effects: download, write, and load encoders.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is truncated, changed, of another kind or version, describes itself impossibly, or would
            have to be unpickled.
    """
    if is_pickled(path):
        raise DamagedFile(
            f"{path} would have to be unpickled, which could execute anything: train the model again, or load the file "
            "with the version of recbole-adasid that wrote it"
        )
    try:
        tensors, about = read_tensors(path, KIND)
        check_model(path, tensors, about)
        settings = about["config"]["settings"]
        if settings["model"] == LIGER:
            settings = {**BEFORE_THERE_WAS_A_CHOICE, **settings}
        folder = Path(os.path.abspath(path)).parent
        about["config"]["settings"] = settings if trusted else harmless(settings, folder)
    except DamagedFile as error:
        raise DamagedFile(f"{error}: copy it again or train the model again") from None
    except ValueError as error:
        raise DamagedFile(f"{path} cannot be used: {error}") from None
    return SavedModel(path, tensors, about)


def is_pickled(path: Path) -> bool:
    """Tell whether a file looks like a torch.save or pickle file, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(9)
    # A safetensors file begins with eight bytes of length, which may be anything, and then a brace.
    return head.startswith((b"PK\x03\x04", b"\x80")) and head[8:] != b"{"

"""The file of a trained TIGER: weights, optimiser, and what they belong to; reading it executes nothing."""

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
from recbole_adasid.run_folder.model_check import check_model
from recbole_adasid.settings.harmless import harmless

KIND = "tiger-model"
SUFFIX = ".safetensors"
_TOKENS_AT_ONCE = 100_000


@dataclass(frozen=True)
class SavedModel:
    """A model file whose content is whole; whether it fits a model is checked when it is put to use."""

    path: Path
    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def fill(self, model: Any) -> None:
        """Give a TIGER the weights and the Semantic IDs of the file.

        Raises:
            MismatchedFile: if they are of another dataset, other items or another architecture.
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
        """Put a trainer to where it saved this file, so that it goes on with the next epoch.

        Raises:
            MismatchedFile: as :meth:`fill`, or if another `learner` was used.
        """
        learner = self.about["config"]["settings"]["learner"]
        if learner != trainer.config["learner"]:
            raise MismatchedFile(
                f"{self.path} was trained with learner={learner}, not {trainer.config['learner']}: set the same learner"
            )
        self.fill(trainer.model)
        self._check_optimizer(trainer.optimizer)
        restore_optimizer(trainer.optimizer, self.tensors, self.about["optimizer_numbers"])
        trainer.start_epoch, trainer.cur_step = self.about["epoch"] + 1, self.about["cur_step"]
        trainer.best_valid_score = self.about["best_valid_score"]

    def _check_optimizer(self, optimizer: Any) -> None:
        """Check that the optimiser's state is that of its parameters."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for name, value in {**below(PREFIX, self.tensors), **below(PREFIX, self.about["optimizer_numbers"])}.items():
            index, _, what = name.partition("/")
            known = index.isdecimal() and len(index) < 9 and int(index) < len(parameters) and what and "/" not in what
            shapes = (torch.Size(()), parameters[int(index)].shape) if known else ()
            if not known or isinstance(value, Tensor) and value.shape not in shapes:
                raise MismatchedFile(
                    f"{self.path} has a state of the optimiser, {name}, that is none of its parameters'"
                )

    def check_data(self, data: dict[str, Any]) -> None:
        """Check that a dataset is the one that the model was trained on, see :func:`describe_data`.

        Raises:
            MismatchedFile: if it has another name, other items or, with user tokens, other users.
        """
        trained = self.about["data"]
        if trained["dataset"] != data["dataset"]:
            raise MismatchedFile(
                f"{self.path} was trained on the dataset {trained['dataset']!r}, not on {data['dataset']!r}: take a "
                "model of this dataset or train one"
            )
        if trained != data:
            raise MismatchedFile(
                f"{self.path} was trained on other items or users of {data['dataset']!r} than it has now "
                f"({trained['items']} items then, {data['items']} now, compared by token and order): bring back the "
                "dataset's files and filters, or train again"
            )


def describe_data(dataset: Any, *, with_users: bool) -> dict[str, Any]:
    """Return what weights and Semantic IDs are bound to: a RecBole dataset's name, and its items in their order.

    Args:
        dataset: after its filters.
        with_users: for a network with user tokens, which is bound to the users too.
    """
    fields = [dataset.iid_field, *([dataset.uid_field] if with_users else [])]
    tokens = [dataset.field2id_token[field] for field in fields]
    digest = tokens_digest(*(_parts(column) for column in tokens))
    return {"dataset": dataset.dataset_name, "items": len(tokens[0]) - 1, "digest": digest}


def _parts(tokens: Any) -> Iterator[list[str]]:
    """Yield the tokens of RecBole's numbers from 1 on, some at a time: they may lie in files."""
    for start in range(1, len(tokens), _TOKENS_AT_ONCE):
        yield [str(token) for token in tokens[start : start + _TOKENS_AT_ONCE]]


def tokens_digest(*columns: Iterable[list[str]]) -> str:
    """Return a digest of the tokens of items, and of users if there is a second column, in their order.

    A column comes in parts. The digest is that of the JSON text of a list of columns.
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
    """Write a trainer's TIGER as it stands after ``epoch``; a crash leaves the old file or the new one.

    Args:
        trainer: its model and optimiser, and how far it is.
        path: of the file.
        config: the settings in plain values.
        epoch: the last one that is done.
    """
    tensors, numbers = optimizer_state(trainer.optimizer)
    tensors |= {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    about = {
        "config": config,
        "data": trainer.model.data,
        "sid_level_sizes": list(trainer.model.sid_level_sizes),
        "content_width": trainer.model.content_width,
        "epoch": epoch,
        "cur_step": trainer.cur_step,
        "best_valid_score": float(trainer.best_valid_score),
        "optimizer_numbers": numbers,
    }
    write_tensors(path, KIND, tensors, about)


def read_model(path: Path, *, trusted: bool = False) -> SavedModel:
    """Return what :func:`save_model` wrote.

    Args:
        path: of the file.
        trusted: the file is the user's own, so that its settings may act: fetch, write, and name encoders to load.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is truncated, was changed, is of another kind or version, says something impossible of
            itself, or would have to be unpickled.
    """
    if is_pickled(path):
        raise DamagedFile(
            f"{path} would have to be unpickled, which could execute anything: train the model again, or load the file "
            "with the version of recbole-adasid that wrote it"
        )
    try:
        tensors, about = read_tensors(path, KIND)
        check_model(path, tensors, about)
        if not trusted:
            settings = about["config"]["settings"]
            about["config"]["settings"] = harmless(settings, Path(os.path.abspath(path)).parent)
    except DamagedFile as error:
        raise DamagedFile(f"{error}: copy it again or train the model again") from None
    except ValueError as error:
        raise DamagedFile(f"{path} cannot be used: {error}") from None
    return SavedModel(path, tensors, about)


def is_pickled(path: Path) -> bool:
    """Tell whether a file looks like one of torch.save or pickle, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(9)
    # A safetensors file begins with eight bytes of length, which may be anything, and then a brace.
    return head.startswith((b"PK\x03\x04", b"\x80")) and head[8:] != b"{"

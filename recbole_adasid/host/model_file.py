"""The file of a trained TIGER: weights, optimiser, and what they belong to; reading it executes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from recbole_adasid.host.checkpoint import plain_config, rebuild_config
from recbole_adasid.host.peers.names import OURS
from recbole_adasid.optimizer_state import optimizer_state, restore_optimizer
from recbole_adasid.storage import DamagedFile, MismatchedFile, below, check_fit, read_tensors, write_tensors

KIND = "tiger-model"
SUFFIX = ".safetensors"
_TOKENS_AT_ONCE = 100_000


@dataclass(frozen=True)
class SavedModel:
    """A model file whose content is whole; whether it fits a model is checked when it is put to use."""

    path: Path
    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def config(self) -> Any:
        """Return the RecBole Config that the model was trained with, for this machine's device.

        Raises:
            DamagedFile: if it is of another model.
        """
        name = self.about["config"]["settings"]["model"]
        if name not in OURS:
            raise DamagedFile(f"{self.path} names the model {name!r}, not {' or '.join(OURS)}: train the model again")
        config = rebuild_config(self.about["config"])
        config["sid_level_sizes"] = self.about["sid_level_sizes"]
        config["content_width"] = self.about.get("content_width")
        return config

    def fill(self, model: Any) -> None:
        """Give a TIGER the weights and the Semantic IDs of the file.

        Raises:
            MismatchedFile: if they are of another dataset, other items or another architecture.
        """
        weights = below("model", self.tensors)
        self._check_data(model.data)
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
        restore_optimizer(trainer.optimizer, self.tensors, self.about["optimizer_numbers"])
        trainer.start_epoch, trainer.cur_step = self.about["epoch"] + 1, self.about["cur_step"]
        trainer.best_valid_score = self.about["best_valid_score"]

    def _check_data(self, data: dict[str, Any]) -> None:
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


def save_model(trainer: Any, path: Path, *, epoch: int) -> None:
    """Write a trainer's TIGER as it stands after ``epoch``; a crash leaves the old file or the new one."""
    tensors, numbers = optimizer_state(trainer.optimizer)
    tensors |= {f"model/{name}": value for name, value in trainer.model.state_dict().items()}
    about = {
        "config": plain_config(trainer.config),
        "data": trainer.model.data,
        "sid_level_sizes": list(trainer.model.sid_level_sizes),
        "content_width": trainer.model.content_width,
        "epoch": epoch,
        "cur_step": trainer.cur_step,
        "best_valid_score": float(trainer.best_valid_score),
        "optimizer_numbers": numbers,
    }
    write_tensors(path, KIND, tensors, about)


def read_model(path: Path) -> SavedModel:
    """Return what :func:`save_model` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        DamagedFile: if it is truncated, was changed, is of another kind or version, or would have to be unpickled.
    """
    if is_pickled(path):
        raise DamagedFile(
            f"{path} would have to be unpickled, which could execute anything: train the model again, or load the file "
            "with the version of recbole-adasid that wrote it"
        )
    try:
        return SavedModel(path, *read_tensors(path, KIND))
    except DamagedFile as error:
        raise DamagedFile(f"{error}: copy it again or train the model again") from None


def is_pickled(path: Path) -> bool:
    """Tell whether a file looks like one of torch.save or pickle, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(9)
    # A safetensors file begins with eight bytes of length, which may be anything, and then a brace.
    return head.startswith((b"PK\x03\x04", b"\x80")) and head[8:] != b"{"

"""`--to=torch`: the network as torch.export programs, which run without this package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from recbole_adasid.export import folder as common
from recbole_adasid.export.programs import DecodingStep, HistoryEncoder, UserVector
from recbole_adasid.export.readme import torch_readme
from recbole_adasid.export.sample import Sample, check_close
from recbole_adasid.io.one_line import first_line
from recbole_adasid.model.liger import LIGERModel
from recbole_adasid.model.tiger import TIGERModel
from recbole_adasid.serving.recommender import Recommender

TESTED = (2, 13)
"""The torch version that exports are tested with; older ones may lack something."""
Shapes = Mapping[str, Any]


def write_torch(recommender: Recommender, folder: Path) -> str:
    """Write the folder, and return a description of what was written.

    Raises:
        ValueError: if torch cannot export the network, a program's results differ, or retrieval is hybrid.
    """
    model, sample = recommender.model, Sample.drawn(recommender)
    common.write_scored(recommender, folder)
    common.copy_standalone("recommend_torch.py", folder, "recommend.py")
    generates = not isinstance(model, LIGERModel) or model.losses.generative > 0
    retrievals = ["dense"] * isinstance(model, LIGERModel) + ["generative"] * generates
    more: dict[str, Any] = {"retrieval": "generative", "retrievals": retrievals, "repeat_bias": 0.0}
    if isinstance(model, LIGERModel):
        if model.retrieval == "hybrid":
            raise ValueError(
                "retrieval=hybrid is not exported: choose dense or generative by --retrieval; the folder has both"
            )
        more["retrieval"] = model.retrieval
        if model.head.repeat is not None:
            more["repeat_bias"] = float(model.head.repeat.detach() / model.head.temperature)
    describe = partial(common.write_description, recommender, folder, "torch")
    more, readme = {**more, "torch": torch.__version__}, torch_readme(recommender, retrievals)
    describe(more, readme)  # the check reads the folder
    apart = _write_dense(model, sample, folder) if isinstance(model, LIGERModel) else 0.0
    if generates:
        apart = max(apart, _write_generative(model, sample, folder))
    describe({**more, "largest_difference": apart}, readme)
    return f"programs that match the run to within {apart:.0e}"


def _write_generative(model: TIGERModel, sample: Sample, folder: Path) -> float:
    """Write the encoder and the decoding step; return the largest difference from the model's log-probabilities."""
    batch = Dim("batch")
    encoder = _exported(
        folder / "encoder.pt2", HistoryEncoder(model), (sample.items, sample.lengths), _histories(batch)
    )
    memory, prefixes = encoder(sample.items, sample.lengths), sample.prefixes(model)
    beams = prefixes[:, None, : min(2, prefixes.shape[1] - 1)].repeat(1, 2, 1)
    step = _exported(folder / "step.pt2", DecodingStep(model), (beams, *memory), _of_step(batch, beams))
    found = [step(prefixes[:, None, : level + 1], *memory)[:, 0] for level in range(prefixes.shape[1] - 1)]
    return check_close(sample.path_scores(folder, found), sample.scores(model), "log-probabilities")


def _write_dense(model: LIGERModel, sample: Sample, folder: Path) -> float:
    """Write user vector program, item keys and biases; return the largest difference from the model's vectors."""
    np.save(folder / "item_keys.npy", model.all_keys().float().numpy(), allow_pickle=False)
    everything = torch.arange(len(model.content.trained))
    biases = model.head.bias_of(None, everything[:, None], model.content.trained)[:, 0] * (everything > 0)
    np.save(folder / "item_biases.npy", biases.numpy(), allow_pickle=False)
    program = _exported(
        folder / "user.pt2", UserVector(model), (sample.items, sample.lengths), _histories(Dim("batch"))
    )
    return check_close(program(sample.items, sample.lengths), _queries(model, sample), "user vectors")


@torch.no_grad()
def _queries(model: LIGERModel, sample: Sample) -> Tensor:
    return model.queries(sample.items, sample.lengths)


def _histories(batch: Any) -> Shapes:
    return {"items": {0: batch, 1: Dim("history")}, "lengths": {0: batch}}


def _of_step(batch: Any, beams: Tensor) -> Shapes:
    positions, prefixes = Dim("positions"), {0: batch, 1: Dim("beams")}
    if beams.shape[2] > 1:  # with one level, a prefix is always the start token
        prefixes[2] = Dim("length")
    names = ("prefixes", "keys", "values", "valid")
    pairs = {1: batch, 3: positions}
    return dict(zip(names, (prefixes, pairs, pairs, {0: batch, 1: positions})))


@torch.no_grad()
def _exported(path: Path, module: nn.Module, example: tuple[Tensor, ...], shapes: Shapes) -> Callable[..., Any]:
    """Export a module, save it, and return the program as read from the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about torch's own internals
            program = torch.export.export(module.eval(), example, dynamic_shapes=dict(shapes), strict=False)
            torch.export.save(program, path)
            loaded = torch.export.load(path).module()
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"torch {torch.__version__} cannot export this network ({first_line(error, 200)}): {_remedy()}"
        ) from error
    return torch.no_grad()(loaded)


def _remedy() -> str:
    major, minor = torch.__version__.split(".")[:2]
    if (int(major), int(minor)) < TESTED:
        return "install torch {}.{} or later, which exports are tested with".format(*TESTED)
    return "please report this"

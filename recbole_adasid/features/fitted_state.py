"""State fitted on items to make their features: what features of further items need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from recbole_adasid.io.digests import array_digest
from recbole_adasid.io.tensor_file import DamagedFile, read_tensors, write_tensors

KIND = "item-features"
Fitted = Mapping[str, np.ndarray]
"""State fitted on items to make their features, by name, as in ``ItemFeatures.fitted``."""


def write_fitted(path: Path, fitted: Fitted) -> None:
    """Write the state fitted on the items, so that features of further items can be made without them."""
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in fitted.items()}
    write_tensors(path, KIND, tensors, {})


def read_fitted(path: Path) -> Fitted:
    """Read what :func:`write_fitted` wrote; empty if there is no such file.

    Raises:
        DamagedFile: if it is damaged, or holds numbers that are not finite.
    """
    if not path.is_file():
        return {}
    fitted = {name: tensor.numpy() for name, tensor in read_tensors(path, KIND)[0].items()}
    for name, values in fitted.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise DamagedFile(f"{path} has values in '{name}' that are not finite: restore the original file")
    return fitted


def stage_key(fitted: Fitted | None) -> dict[str, str]:
    """Return what a cached stage of vectors depends on besides their source.

    It either stores the state fitted on the items, or is determined by state fitted on others.
    """
    if fitted is None:
        return {"keeps": "fitted"}
    return {"fitted": array_digest(*(fitted[name] for name in sorted(fitted)))}

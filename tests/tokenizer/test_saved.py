from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from recbole_adasid.io.tensor_file import DamagedFile, read_tensors, write_tensors
from recbole_adasid.tokenizer.base import DESCRIPTION_FILE, KIND, PARAMETERS_FILE
from recbole_adasid.tokenizer.registry import build_tokenizer, tokenizer_settings
from recbole_adasid.tokenizer.saved import load_tokenizer

Saved = tuple[Path, dict[str, Any], torch.Tensor]
PROPS = Path(__file__).parents[2] / "props"
FEATURES = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """A folder, what was described there, and the codes of the features."""
    config = yaml.safe_load((PROPS / "tokenizers.yaml").read_text())
    config |= yaml.safe_load((PROPS / "tokenizer" / "rqkmeans.yaml").read_text())
    settings = tokenizer_settings({**config, "seed": 5, "codebook_size": 8})
    tokenizer = build_tokenizer(settings, width=6)
    tokenizer.fit(FEATURES, None)
    description = {"tokenizer": settings, "features": "of a test"}
    tokenizer.save(tmp_path / "tokenizer", description)
    return tmp_path / "tokenizer", description, tokenizer.encode(FEATURES)


def test_a_saved_tokenizer_is_built_and_filled_as_its_file_says(
    saved: Saved,
) -> None:
    folder, description, codes = saved
    tokenizer, about = load_tokenizer(folder)
    assert about == json.loads(json.dumps(description)) and not tokenizer.training
    assert tokenizer.encode(FEATURES).equal(codes) and len(torch.unique(codes)) > 4
    assert (folder / DESCRIPTION_FILE).read_text() == json.dumps(about, indent=2, sort_keys=True) + "\n"
    assert not any(parameter.requires_grad for parameter in tokenizer.parameters())


def test_settings_that_build_nothing_are_told_with_the_reason(saved: Saved) -> None:
    path = saved[0] / PARAMETERS_FILE
    tensors, about = read_tensors(path, KIND)
    about["description"]["tokenizer"]["tokenizer_family"] = "zzz"
    write_tensors(path, KIND, tensors, about)
    told = (
        f"{path} needs the tokenizer_family 'zzz', which this program does not know: import the module that registers "
    )
    told += "it first (on the command line --plugins=MODULE, see docs/extending.md)"
    (saved[0] / DESCRIPTION_FILE).unlink()
    with pytest.raises(DamagedFile, match=f"^{re.escape(told)}$"):
        load_tokenizer(saved[0])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"description": {}}, "description lacks tokenizer"),
        ({"description": None}, "description is None, but must be names and values"),
        ({"width": "six"}, "width is 'six', but must be a whole number"),
    ],
)
def test_a_file_that_does_not_say_how_to_build_its_tokenizer_is_refused(
    saved: Saved, change: dict[str, Any], told: str
) -> None:
    path = saved[0] / PARAMETERS_FILE
    tensors, about = read_tensors(path, KIND)
    write_tensors(path, KIND, tensors, {**about, **change})
    with pytest.raises(DamagedFile, match=f"cannot be used: its metadata.{told}"):
        load_tokenizer(saved[0])


def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"there is no file {tmp_path}"):
        load_tokenizer(tmp_path)


def test_values_that_are_no_numbers_are_refused(saved: Saved) -> None:
    path = saved[0] / PARAMETERS_FILE
    tensors, about = read_tensors(path, KIND)
    tensors["codebooks.1"][0, 0] = torch.nan
    write_tensors(path, KIND, tensors, about)
    with pytest.raises(DamagedFile, match="codebooks.1"):
        load_tokenizer(saved[0])


def test_tensors_of_another_shape_than_the_settings_ask_for_are_refused(saved: Saved) -> None:
    path = saved[0] / PARAMETERS_FILE
    tensors, about = read_tensors(path, KIND)
    tensors["codebooks.1"] = torch.zeros(9, 6)
    write_tensors(path, KIND, tensors, about)
    with pytest.raises(DamagedFile, match=r"codebooks\.1 .* by its own settings: train the tokenizer again$"):
        load_tokenizer(saved[0])


def test_a_description_of_another_tokenizer_is_refused_and_none_is_missed(saved: Saved) -> None:
    beside = saved[0] / DESCRIPTION_FILE
    beside.write_text(json.dumps({**saved[1], "features": "of another test"}))
    told = f"{beside} describes another tokenizer than {PARAMETERS_FILE} next to it: restore the original"
    with pytest.raises(DamagedFile, match=f"^{re.escape(told)}$"):
        load_tokenizer(saved[0])
    beside.write_text("{")
    with pytest.raises(DamagedFile, match="is not JSON .*: restore the original file$"):
        load_tokenizer(saved[0])
    beside.unlink()
    assert load_tokenizer(saved[0])[0].encode(FEATURES).equal(saved[2])

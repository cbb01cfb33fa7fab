from __future__ import annotations

import subprocess
import sys

import fresh


def python(code: str) -> str:
    """Run code where RecBole and the package are not imported yet; return what it prints."""
    done = fresh.python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_neither_torch_nor_recbole():
    heavy = ("torch", "recbole", "numpy", "pandas", "ray")
    code = f"import sys, recbole_adasid; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_recbole_finds_model_dataset_and_trainer_by_name_and_other_models_are_left_alone():
    code = """
import recbole_adasid
from recbole.utils import get_model, get_trainer, ModelType
import recbole.data.dataset as datasets
model, trainer = get_model("TIGER"), get_trainer(ModelType.SEQUENTIAL, "TIGER")
print(model.__module__, trainer.__module__, datasets.TIGERDataset.__module__)
print(get_trainer(ModelType.SEQUENTIAL, "SASRec").__name__, hasattr(datasets, "SASRecDataset"))
"""
    ours = "recbole_adasid.plugin.tiger recbole_adasid.plugin.trainer recbole_adasid.plugin.datasets.dataset"
    assert python(code).splitlines() == [ours, "Trainer False"]


def test_registration_works_after_recbole_was_imported():
    code = """
import recbole.trainer, recbole.data.dataset, recbole.config
import recbole_adasid
print(recbole.trainer.TIGERTrainer.__name__, recbole.data.dataset.TIGERDataset.__name__)
"""
    assert python(code) == "TIGERTrainer TIGERDataset"

"""A whole run on another device than the CPU, here an emulated one: the same Semantic IDs, metrics and lists.

PyTorch's own kernels serve there, in place of those for CPUs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch.utils import backend_registration

from forked import Program

pytestmark = pytest.mark.skipif(
    not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
    reason="this torch knows no devices written in Python",
)

ON_BOTH = """
import json, sys, torch
from pathlib import Path

from emulated_gpu import make_device
from recbole.config import Config

from recbole_adasid.plugin.run import run
from recbole_adasid.serving.explain import explain
from recbole_adasid.serving.recommender import Recommender

folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
gpu = make_device()
choose = Config._init_device
for name, device in {"cpu": torch.device("cpu"), "gpu": gpu}.items():
    def init(self):
        choose(self)
        self.final_config_dict["device"] = device
    Config._init_device = init
    run({**settings, "run_folder": str(folder / name)})
    recommender = Recommender.load(folder / name, device=str(device))
    titles = {"item_id": ["n1", "n2"], "title": ["the red thing number 4", "the blue thing number 21"]}
    found = {"added": recommender.add_items(titles["item_id"], table=titles).semantic_ids}
    recommender.remove_items(["i5"])
    recommender.save()
    histories = [["i1", "i2", "i3"], ["i9", "n1"], ["i7"]]
    lists = recommender.recommend_many(histories, 6, deny=["i4"], new_share=0.2)
    found["items"] = [[one.item for one in each] for each in lists]
    found["scores"] = [one.score for each in lists for one in each]
    found["probabilities"] = [step.probability for step in explain(recommender, histories[0], "i8").path]
    (folder / f"{name}.json").write_text(json.dumps(found))
"""

REFUSED = """
import torch
from emulated_gpu import make_device

there, here = torch.ones(3, device=make_device()), torch.ones(3)
for refused in (lambda: there + here, lambda: there.numpy(), lambda: torch.cat([here, there])):
    try:
        refused()
    except (RuntimeError, TypeError):
        continue
    raise AssertionError("not refused")
assert (there * torch.tensor(2.0)).sum().item() == 6 and there.cpu().numpy().sum() == 3
"""
FAST = {"dropout": 0.0, "cache_dir": None}
"""Dropout draws other masks there."""


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "LIGER", "retrieval": "hybrid", "cold_item_share": 0.1, "tokenizer": "adasid", "tokenizer_steps": 20},
        pytest.param({"tokenizer": "rqopq"}, marks=pytest.mark.slow),
        pytest.param({"model_size": "paper", "epochs": 1}, marks=pytest.mark.slow),
        pytest.param({"encoder_attention": "bidirectional", "label_smoothing": 0.1}, marks=pytest.mark.slow),
        pytest.param({"encoder_input": "tokens", "token_softmax": "level", "learner": "adam"}, marks=pytest.mark.slow),
        pytest.param({"model": "LIGER", "full_softmax_items": 5, "sampled_items": 8}, marks=pytest.mark.slow),
        pytest.param({"bf16": True, "averaging_fraction": 0.5}, marks=pytest.mark.slow),
    ],
    ids=lambda settings: " ".join(map(str, settings.values())),
)
def test_another_device_gives_what_the_cpu_gives(
    settings: dict[str, object], tiny_settings: dict[str, object], tmp_path: Path
) -> None:
    program = Program(ON_BOTH, tmp_path / "program", str(tmp_path), json.dumps(tiny_settings | FAST | settings))
    assert program.wait(300) == 0, program.errors
    about = json.loads((tmp_path / "gpu" / "about.json").read_text())
    assert about["device"] == "emulated:0"
    for name in ("sids.json", "items.json"):
        assert (tmp_path / "cpu" / name).read_bytes() == (tmp_path / "gpu" / name).read_bytes()
    for part in ("best_valid", "test"):
        cpu, gpu = (json.loads((tmp_path / name / "metrics.json").read_text())[part] for name in ("cpu", "gpu"))
        assert gpu == pytest.approx(cpu, abs=1e-4)
    cpu, gpu = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("cpu", "gpu"))
    assert gpu["added"] == cpu["added"] and gpu["items"] == cpu["items"]
    for values in ("scores", "probabilities"):
        assert gpu[values] == pytest.approx(cpu[values], abs=1e-3)


def test_what_a_gpu_refuses_the_emulated_one_refuses_too(tmp_path: Path) -> None:
    program = Program(REFUSED, tmp_path)
    assert program.wait() == 0, program.errors

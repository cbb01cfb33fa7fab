"""Which device a process gets, and that RecBole is told nothing of the others."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch

from recbole_adasid.distributed.world import World, enter
from recbole_adasid.plugin.config.building import build_config
from recbole_adasid.plugin.config.distributed import choose_device, join_where_launched
from recbole_adasid.plugin.config.run_settings import writable
from recbole_adasid.settings.errors import SettingsError


class Second(World):
    """Rank 1 of 4, without anything to exchange."""

    rank, size = 1, 4


@pytest.fixture
def second():
    before = enter(Second())
    yield
    enter(before)


@pytest.fixture
def gpus(monkeypatch):
    """Four GPUs, as far as asking goes."""
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    return chosen


def config(**given: object) -> SimpleNamespace:
    return SimpleNamespace(final_config_dict={"gpu_id": "0", **given}, external_config_dict=given)


def not_called(_: object) -> None:
    pytest.fail("RecBole would start NCCL")


@pytest.mark.parametrize(
    ("given", "local", "device"),
    [
        ({}, 1, "cuda:1"),
        ({}, 3, "cuda:3"),
        ({"gpu_id": "2,3"}, 1, "cuda:3"),
        ({"gpu_id": (3, 0)}, 0, "cuda:3"),
        ({"gpu_id": 2}, 0, "cuda:2"),
        ({"gpu_id": ""}, 1, "cpu"),
        ({"gpu_id": None}, 1, "cpu"),  # what a command line makes of --gpu_id=''
    ],
)
def test_every_process_gets_one_of_the_gpus(given, local, device, second, gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", str(local))
    made = config(**given)
    choose_device(made, not_called)
    assert made.final_config_dict["device"] == torch.device(device)
    assert gpus == ([torch.device(device)] if device != "cpu" else [])


def test_a_process_without_a_gpu_of_its_own_is_refused(second, gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(SettingsError, match="Process 3 on this machine has no GPU of its own: there are 2"):
        choose_device(config(gpu_id="0,1"), not_called)


def test_recbole_hears_of_one_process_and_only_rank_0_speaks(second, tiny_settings):
    built = build_config({**tiny_settings, "show_progress": True})
    assert built["single_spec"] is True and built["local_rank"] == 0 and built["device"] == torch.device("cpu")
    assert (built["show_progress"], built["state"], built["log_wandb"]) == (False, "error", False)


def test_the_settings_of_a_run_on_several_gpus_do_not_choose_one(second, tiny_settings):
    assert "gpu_id" not in writable(build_config(tiny_settings))
    assert writable(build_config({**tiny_settings, "gpu_id": "2,3"}))["gpu_id"] == "2,3"


def test_alone_recbole_chooses_the_device(tiny_settings):
    made, called = config(), []
    choose_device(made, called.append)
    assert called == [made]


def test_recbole_s_own_ranks_join_at_its_address(monkeypatch):
    joined = []
    monkeypatch.setattr(
        "recbole_adasid.plugin.config.distributed.join", lambda address, **how: joined.append((address, how))
    )
    monkeypatch.setattr("recbole_adasid.plugin.config.distributed.atexit.register", lambda _: None)
    settings = {"local_rank": 1, "nproc": 2, "world_size": 4, "offset": 2, "ip": "10.0.0.7", "port": "5678", "seed": 1}
    join_where_launched(settings)
    assert joined == [("tcp://10.0.0.7:5678", {"rank": 3, "size": 4})]
    assert settings == {"seed": 1, "rank_on_machine": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("GPU-8932f937-d72c,GPU-1b2c", "gpu_id=GPU-8932f937-d72c is not a number.* CUDA_VISIBLE_DEVICES"),
        ("0,4", "gpu_id names GPU 4, but there are 4"),
        ("0,-1", "gpu_id names GPU -1, but there are 4"),
    ],
)
def test_a_gpu_that_a_process_cannot_take_is_refused(given, message, second, gpus, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SettingsError, match=message):
        choose_device(config(gpu_id=given), not_called)


def test_alone_a_process_takes_a_gpu_by_its_uuid(tiny_settings, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    build_config({**tiny_settings, "gpu_id": "GPU-8932f937-d72c"})
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-8932f937-d72c"

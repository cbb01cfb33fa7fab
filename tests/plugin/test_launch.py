"""RecBole's options for several processes in torchrun's words."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from recbole_adasid.cli.train import main
from recbole_adasid.plugin.launch import launch, torchrun_options
from recbole_adasid.settings.errors import SettingsError


@pytest.fixture(autouse=True)
def unlaunched(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, None),
        ({"nproc": 1}, None),
        ({"nproc": 1, "world_size": 1, "ip": "localhost", "port": 5678, "group_offset": 0}, None),
        ({"nproc": 2}, "--standalone --nproc_per_node=2"),
        ({"nproc": 2, "world_size": 2}, "--standalone --nproc_per_node=2"),
        (
            {"nproc": 2, "world_size": 6, "group_offset": 4, "ip": "10.0.0.7", "port": 29500},
            "--nnodes=3 --node_rank=2 --nproc_per_node=2 --master_addr=10.0.0.7 --master_port=29500",
        ),
        (
            {"world_size": 2, "group_offset": 1},
            "--nnodes=2 --node_rank=1 --nproc_per_node=1 --master_addr=localhost --master_port=5678",
        ),
    ],
)
def test_options_become_torchrun_s_and_leave_the_settings(given, options):
    settings = {"epochs": 3, **given}
    assert torchrun_options(settings) == (options and options.split())
    assert settings == {"epochs": 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"nproc": 0}, "nproc has to be a whole number of 1 or more, got 0"),
        ({"nproc": "two"}, "nproc has to be a whole number"),
        ({"world_size": 0}, "world_size has to be a whole number of 1 or more"),
        ({"nproc": 2, "world_size": 3}, "are inconsistent"),
        ({"nproc": 2, "world_size": 4, "group_offset": 1}, "are inconsistent"),
        ({"nproc": 2, "world_size": 4, "group_offset": 4}, "are inconsistent"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(given, said):
    with pytest.raises(SettingsError, match=said):
        torchrun_options(given)


def test_under_torchrun_they_have_to_be_what_it_started(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert torchrun_options({"nproc": 2, "world_size": 4, "group_offset": 2, "ip": "a"}) is None
    assert torchrun_options({}) is None
    with pytest.raises(SettingsError, match="nproc=3 .* torchrun started 2 processes here, 4 in all: leave nproc out"):
        torchrun_options({"nproc": 3})


def test_in_python_processes_are_not_started_behind_the_caller_s_back(capsys):
    assert main(["--nproc=2"]) == 2
    assert "give them on the command line, or use torchrun" in capsys.readouterr().err
    from recbole_adasid.plugin.run import run

    with pytest.raises(SettingsError, match="nproc=2 cannot start processes from here"):
        run({"nproc": 2})


@pytest.mark.parametrize(
    ("spec", "program"),
    [(None, ["job.py"]), (SimpleNamespace(name="recbole_adasid.__main__"), ["-m", "recbole_adasid"])],
)
def test_the_same_program_is_started_with_the_same_arguments(spec, program, monkeypatch):
    started = []
    monkeypatch.setattr("torch.distributed.run.run", started.append)
    monkeypatch.setattr(sys, "argv", ["job.py", "--nproc=2", "--epochs=3"])
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert launch(["--standalone", "--nproc_per_node=2"]) == 0
    (how,) = started
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert how.nproc_per_node == "2" and how.no_python and how.training_script == sys.executable
    assert how.training_script_args == [*program, "--nproc=2", "--epochs=3"]

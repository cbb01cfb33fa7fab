from __future__ import annotations

import functools
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from recbole_adasid.distributed.ray_cluster import Cluster, ClusterSettings, cluster

NAME = "tiny"

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


MOST_WORKERS = 4
"""Each needs half a gigabyte, and starting one takes seconds."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--first-cases", action="store_true", help="run the first case of each test only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--first-cases"):
        first = {item.nodeid.partition("[")[0]: item for item in reversed(items)}
        items[:] = [item for item in items if first[item.nodeid.partition("[")[0]] is item]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run all tests on several cores where pytest-xdist is installed, and part of them in this process; -n decides."""
    if not config.pluginmanager.hasplugin("xdist") or config.option.collectonly or hasattr(config, "workerinput"):
        return  # the last: a worker, which must not start workers of its own
    if config.option.numprocesses is None and config.args == config.getini("testpaths"):
        config.option.numprocesses = "auto"
    if config.option.numprocesses:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the workers: threads of several would wait for one another


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS) if cores > 1 else 0  # with one more, Ray's own processes wait for a core


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file's tests in one worker, which makes their fixtures once, and files that fork from one process too."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return _shared_process(config.rootpath / file) or file

    return ByFile(config, log)


@functools.cache
def _shared_process(file: Path) -> str | None:
    """Which process that costs seconds the tests of a file share: a Ray cluster, of which a machine has one, or a fork
    server."""
    text = file.read_text(encoding="utf-8")
    if "two_workers: Cluster" in text or "from forked import" in text or file.parent.name == "distributed":
        return "Ray and forks"
    return "fresh forks" if "import fresh" in text else None


def write_dataset(folder: Path, rows: list[tuple[str, str, str]], name: str = NAME) -> Path:
    """Write rows of user, item and time as NAME.inter, and a title for each item; return the data path."""
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    header = "user_id:token\titem_id:token\ttimestamp:float\n"
    (home / f"{name}.inter").write_text(header + "".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    titles = [f"{item}\tthe {'red' if int(item[1:]) % 2 else 'blue'} thing number {item}\n" for item in items_of(rows)]
    (home / f"{name}.item").write_text("item_id:token\ttitle:token\n" + "".join(titles), encoding="utf-8")
    return folder


def items_of(rows: list[tuple[str, str, str]]) -> list[str]:
    return sorted({item for _, item, _ in rows})


def tiny_rows(users: int = 30, items: int = 20) -> list[tuple[str, str, str]]:
    """Users who walk round the items in steps of one, so that the next item can be learned."""
    random = np.random.default_rng(0)
    rows = []
    for user in range(users):
        first, length = int(random.integers(items)), int(random.integers(5, 9))
        rows += [(f"u{user}", f"i{(first + step) % items}", str(1000 + step)) for step in range(length)]
    return rows


@pytest.fixture(name="write_dataset", scope="session")
def write_dataset_fixture() -> Callable[..., Path]:
    """The function that writes a dataset, for tests that need rows of their own."""
    return write_dataset


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data path with the dataset `tiny`."""
    return write_dataset(tmp_path_factory.mktemp("data"), tiny_rows())


@pytest.fixture
def tiny_settings(settings_in: Callable[[Path], dict[str, object]], tmp_path: Path) -> dict[str, object]:
    """Settings of a run that takes about half a second."""
    return settings_in(tmp_path)


@pytest.fixture(scope="session")
def settings_in(tiny_data: Path) -> Callable[[Path], dict[str, object]]:
    """The settings of a run that takes about half a second, by the folder that it works in; it writes no report."""
    return lambda folder: {
        "dataset": NAME,
        "data_path": str(tiny_data),
        "tokenizer": "rqkmeans",
        "codebook_size": 4,
        "text_fields": ["title"],
        "text_width": 8,
        "MAX_ITEM_LIST_LENGTH": 4,
        **{"d_model": 16, "n_heads": 2, "d_head": 8, "d_ff": 32, "n_encoder_layers": 1, "n_decoder_layers": 1},
        **{"epochs": 2, "eval_step": 1, "train_batch_size": 64, "eval_batch_size": 16, "beam_size": 10},
        **{"show_progress": False, "report": False},
        "run_root": str(folder / "runs"),
        "cache_dir": str(folder / "cache"),
    }


@pytest.fixture(scope="session")
def finished_run(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, which must not be changed."""
    from recbole_adasid.plugin.run import run

    base = tmp_path_factory.mktemp("finished")
    settings = {"dataset": NAME, "data_path": str(tiny_data), "tokenizer": "rqkmeans", "codebook_size": 4}
    settings |= {"text_fields": ["title"], "text_width": 8, "MAX_ITEM_LIST_LENGTH": 4, "model_size": "tiny"}
    settings |= {"epochs": 1, "eval_step": 1, "beam_size": 10, "show_progress": False, "cache_dir": None}
    return run({**settings, "report": False, "run_folder": str(base / "run")})["run_folder"]


@pytest.fixture
def run_copy(finished_run: Path, tmp_path: Path) -> Path:
    """The folder of a finished run that a test may change."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def resigned() -> Callable[..., Path]:
    """A function that gives the model in a folder other settings, and its file the checksum of what is in it then."""
    from recbole_adasid.io.tensor_file import read_tensors, write_tensors
    from recbole_adasid.run_folder.model_file import KIND

    def sign(folder: Path, **settings: Any) -> Path:
        path = folder / "model.safetensors"
        tensors, about = read_tensors(path, KIND)
        about["config"]["settings"] |= settings
        write_tensors(path, KIND, tensors, about)
        return path

    return sign


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RecBole logs into the working directory and reads the program's arguments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["program"])


@pytest.fixture(scope="session", params=["pandas", "polars", "lazy polars", "arrow", "arrow batches"])
def frame_of(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """A function that makes a table in memory of some library, from a pandas frame."""
    pytest.importorskip("narwhals")
    if request.param == "pandas":
        return lambda table: table
    if request.param.endswith("polars"):
        polars = pytest.importorskip("polars")
        return polars.from_pandas if request.param == "polars" else lambda table: polars.from_pandas(table).lazy()
    arrow = pytest.importorskip("pyarrow")
    made = arrow.Table.from_pandas
    return made if request.param == "arrow" else lambda table: made(table, preserve_index=False).to_reader()


@pytest.fixture(scope="session")
def columns_of() -> Callable[[Any], dict[str, list[Any]]]:
    """A function that gives the columns of a pandas, Polars or Arrow table as lists."""
    return lambda table: (
        table.to_dict("list")
        if hasattr(table, "iloc")
        else dict(table.to_pydict())
        if hasattr(table, "to_pydict")
        else table.to_dict(as_series=False)
    )


@pytest.fixture
def attacker() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and what was asked of it."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"reviewerID": "a", "asin": "b", "unixReviewTime": 1}\n')

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


TWO_WORKERS = ClusterSettings(workers=2, worker_memory=0.25)


@pytest.fixture(scope="session")
def two_workers() -> Iterator[Cluster]:
    """A real cluster of this machine; what runs meanwhile joins it, as it is up already."""
    pytest.importorskip("ray")
    with cluster(TWO_WORKERS) as workers:
        yield workers


@pytest.fixture(scope="session")
def hub_server() -> Iterator[Any]:
    """A hub on this machine (helpers/loopback_hub.py); huggingface_hub may remember its address once imported."""
    from loopback_hub import LoopbackHub

    with LoopbackHub().serving() as hub:
        yield hub


@pytest.fixture
def loopback_hub(hub_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty local hub as the only one, an empty cache, and a token with write access."""
    constants = pytest.importorskip("huggingface_hub.constants")
    hub_server.empty()
    template = hub_server.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub_server.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    return hub_server

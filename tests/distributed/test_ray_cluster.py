"""Workers do jobs, and what goes wrong with one is said in a sentence, without harm to the others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from forked import Program
from recbole_adasid.cli import main
from recbole_adasid.distributed import ray_cluster as module
from recbole_adasid.distributed.ray_cluster import Cluster, ClusterSettings, ThisProcess, WorkerFailed, Workers, cluster


def job_of(fails: dict[int, type[Exception]]) -> Callable[[int, int], int]:
    """Return a function that doubles its second argument, or fails; made here, so that it is sent as it is."""

    def double(shared: int, number: int) -> int:
        if number in fails:
            raise fails[number](f"number {number}")
        return shared * number

    return double


def outcomes(workers: Workers, fails: dict[int, type[Exception]]) -> dict[int, object]:
    run, shared, jobs = workers.task(job_of(fails)), workers.share(2), list(range(9))
    found: dict[int, object] = {}
    for outcome in workers.each(lambda number: run(shared, number), jobs):
        found[outcome.job] = outcome.result if outcome.error is None else outcome.error
        if outcome.job == 8:  # the last one that was there at first
            jobs.append(100)
    return found


def test_jobs_are_done_and_such_as_are_added_meanwhile(two_workers: Cluster) -> None:
    expected = {number: 2 * number for number in (*range(9), 100)}
    assert outcomes(two_workers, {}) == outcomes(ThisProcess(), {}) == expected


def test_a_job_that_fails_costs_itself_alone(two_workers: Cluster) -> None:
    fails = {3: ValueError, 5: MemoryError, 100: OSError}
    for workers in (two_workers, ThisProcess()):
        found = outcomes(workers, fails)
        assert [found[number] for number in (0, 1, 2, 4, 6, 7, 8)] == [0, 2, 4, 8, 12, 14, 16]
        assert isinstance(found[3], ValueError) and isinstance(found[100], OSError)
        assert str(found[3]) == "number 3"
    found = outcomes(two_workers, fails)
    assert isinstance(found[5], WorkerFailed) and "ran out of memory (number 5): lower ray_workers" in str(found[5])


def test_no_more_jobs_are_started_than_keep_the_workers_busy(two_workers: Cluster) -> None:
    run, started, ended = two_workers.task(job_of({})), [], []
    for outcome in two_workers.each(lambda number: started.append(number) or run(1, number), list(range(20))):
        ended.append(outcome.job)
        assert len(started) <= len(ended) + 2 * two_workers.slots
    assert two_workers.slots == 2 and sorted(ended) == list(range(20))


def test_another_process_joins_a_cluster_by_its_address(two_workers: Cluster, tmp_path: Path) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    rng = np.random.default_rng(0)
    rows = "".join(f"u{user},i{item},1\n" for user, item in rng.integers(12, size=(90, 2)).tolist())
    (tmp_path / "log.csv").write_text(f"user_id,item_id,timestamp\n{rows}", encoding="utf-8")
    mine = ["pairs", f"--interactions={tmp_path / 'log.csv'}"]
    on_ray = ["--engine=ray", f"--ray_address={address}", "--ray_worker_memory=0.25"]
    code = "import sys; from recbole_adasid.cli import main; sys.exit(main())"
    program = Program(code, tmp_path / "told", *mine, f"--out={tmp_path / 'ray.npz'}", *on_ray)
    assert program.wait() == 0, program.errors
    assert main([*mine, f"--out={tmp_path / 'local.npz'}"]) == 0
    with np.load(tmp_path / "ray.npz") as one, np.load(tmp_path / "local.npz") as other:
        assert len(one["weight"]) > 50
        for name in one.files:
            assert np.array_equal(one[name], other[name])
    assert ray.is_initialized() and ray.nodes()[0]["Alive"]  # the cluster outlives the one who joined


def test_a_long_wait_says_what_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    class Slow:
        """Ray whose only task is ready at the third look."""

        looks = 0

        def cluster_resources(self) -> dict[str, float]:
            return {"CPU": 2.0}

        def nodes(self) -> list[dict[str, object]]:
            return [{"Alive": True, "Resources": {"memory": 2**33}}]

        def wait(self, running: list[str], *, num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
            assert num_returns == 1 and timeout == module.PATIENCE
            self.looks += 1
            return (running, []) if self.looks == 3 else ([], running)

        def available_resources(self) -> dict[str, float]:
            return {}

        def get(self, reference: str) -> str:
            return f"result of {reference}"

    found = list(Cluster(Slow(), ClusterSettings()).each(lambda job: f"task {job}", [7]))
    assert found == [(7, "result of task 7", None)]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2 and all(
        "No Ray task has finished" in line and "1 are running" in line and "0 CPUs are free" in line for line in told
    )


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "auto"])
def test_an_address_where_nothing_is_is_named(address: str) -> None:
    class NoCluster:
        """Ray where no cluster answers."""

        def init(self, **_: object) -> None:
            raise ConnectionError("Could not find any running Ray instance.")

    with pytest.raises(WorkerFailed, match=f"no Ray cluster answers at ray_address={address} .*leave ray_address out"):
        module._start(NoCluster(), ClusterSettings(address=address))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'recbole-adasid\[ray\]'"), cluster(ClusterSettings()):
        pass


def test_the_environment_is_as_before_once_workers_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    with module._environment(OMP_NUM_THREADS="1", RAY_USAGE_STATS_ENABLED="0"):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["RAY_USAGE_STATS_ENABLED"]) == ("1", "0")
    assert os.environ["OMP_NUM_THREADS"] == "7" and "RAY_USAGE_STATS_ENABLED" not in os.environ


def test_workers_have_one_thread_each_and_report_no_usage(two_workers: Cluster) -> None:
    def variables(_: int) -> tuple[str | None, str | None]:
        return os.environ.get("OMP_NUM_THREADS"), os.environ.get("RAY_USAGE_STATS_ENABLED")

    run = two_workers.task(variables)
    assert [outcome.result for outcome in two_workers.each(run, [0])] == [("1", "0")]

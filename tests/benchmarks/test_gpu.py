"""The script for a GPU: it runs whole on a CPU, parts fail alone, and losses of fixed shapes are the model's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("benchmarks", reason="the benchmarks lie beside the package: run pytest from a checkout")

from benchmarks import gpu  # noqa: E402
from benchmarks.on_gpu import compiled, fixed_shapes, steps  # noqa: E402
from benchmarks.on_gpu.plain import plain_operations  # noqa: E402
from benchmarks.on_gpu.report import BROKEN, FILE, Report, read, table  # noqa: E402
from benchmarks.on_gpu.scene import Scene  # noqa: E402
from recbole_adasid.compute.layers import Dropout  # noqa: E402

ROOT = Path(gpu.__file__).resolve().parents[1]
SCENE = Scene(torch.device("cpu"), quick=True)


def report(tmp_path, seconds=60.0):
    return Report(tmp_path, "a part", time.time(), time.time() + seconds)


@pytest.mark.slow
def test_a_quick_run_on_the_cpu_measures_every_part(tmp_path, monkeypatch):
    attempt = Report.attempt  # here it has all the time that it needs, whatever else the machine does
    monkeypatch.setattr(Report, "attempt", lambda self, what, work, seconds=0.0: attempt(self, what, work))
    given = gpu.argparse.Namespace(**vars(arguments(tmp_path, 80.0)), started=time.time())
    gpu.measure([*gpu.PARTS], given)
    records = read(tmp_path)
    check_every_part(records)
    assert gpu.verdict(records) == 0 and "right" in gpu.page(given, records)


@pytest.mark.slow
def test_the_command_measures_in_a_process_of_its_own_and_writes_a_page(tmp_path):
    command = [sys.executable, "-m", "benchmarks.gpu", "--device=cpu", "--quick", f"--out={tmp_path}"]
    ended = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    check_every_part(read(tmp_path))
    assert "right" in (tmp_path / "README.md").read_text(encoding="utf-8")


def check_every_part(records):
    assert {one["part"] for one in records if one.get("state") == "ended"} == set(gpu.PARTS)
    judged = [one for one in records if "ok" in one]
    assert len(judged) == 10 and all(one["ok"] for one in judged)
    failed = {one["part"] for one in records if "error" in one and "not installed" not in one["error"]}
    assert failed == {"graphs", "compiled"}
    assert {one["unit"] for one in records if "value" in one} >= {"examples/s", "users/s", "steps/s"}


@pytest.mark.parametrize("build", [steps.one_pass_of_items, steps.liger])
def test_a_loss_of_fixed_shapes_is_the_models_own_with_its_gradient(build):
    rounds = build(SCENE, "tiny", 24)
    rounds.model.eval()
    softmax = rounds.model.network.softmax
    torch.nn.init.normal_(softmax.continued)
    torch.nn.init.constant_(softmax.seen, -0.2)
    assert len({tuple(batch[0].shape) for batch in rounds.batches}) > 1
    for batch in rounds.batches:
        gradients = []
        for loss in (rounds.loss(*batch), fixed_shapes.sequence_loss(rounds.model, *batch)):
            found = torch.autograd.grad(loss, rounds.model.network.vocabulary.embedding.weight)[0]
            gradients.append((float(loss.detach()), found))
        assert gradients[0][0] == pytest.approx(gradients[1][0], rel=1e-5)
        assert torch.allclose(gradients[0][1], gradients[1][1], atol=1e-6)


@pytest.mark.parametrize("build", [steps.one_pass_of_items, steps.windows, steps.liger])
def test_plain_operations_give_the_same_loss_and_gradients(build):
    rounds = build(SCENE, "tiny", 24)
    rounds.model.eval()
    own = gradients_of(rounds, rounds.batches[2])
    with plain_operations():
        plain = gradients_of(rounds, rounds.batches[2])
    assert torch.allclose(own, plain, atol=1e-6) and torch.equal(own, gradients_of(rounds, rounds.batches[2]))


def test_plain_operations_drop_as_many_elements():
    layer = Dropout(p=0.3)
    with plain_operations():
        dropped = layer(torch.ones(20_000))
        added = layer.add(torch.ones(20_000), torch.ones(20_000))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02) and float(added.mean()) == pytest.approx(2, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("build", [steps.one_pass_of_items, steps.liger])
def test_plain_operations_and_fixed_shapes_are_traced_in_one_piece(build):
    rounds = compiled.middle(build(SCENE, "tiny", 24))
    with plain_operations():
        _, detail = compiled.compiled(SCENE, rounds, fixed=True, backend="eager")
    assert " 0 graph breaks" in detail


@pytest.mark.parametrize("build", [steps.one_pass_of_items, steps.windows])
def test_the_middle_batch_alone_has_its_own_examples(build):
    rounds = build(SCENE, "tiny", 24)
    every = [compiled.middle(rounds._replace(batches=[batch])).examples for batch in rounds.batches]
    assert sum(every) == rounds.examples and compiled.middle(rounds).examples == every[2]


def gradients_of(rounds, batch):
    parameters = [one for one in rounds.model.parameters() if one.requires_grad]
    found = torch.autograd.grad(rounds.loss(*batch), parameters, allow_unused=True)
    return torch.cat([one.flatten() for one in found if one is not None])


def test_examples_of_a_round_are_what_its_batches_predict():
    one_pass, windows = steps.one_pass_of_items(SCENE, "tiny", 24), steps.windows(SCENE, "tiny", 24)
    assert one_pass.examples == sum(int((lengths - 1).sum()) for _, lengths in one_pass.batches)
    assert windows.examples == steps.BATCHES * 24 == sum(len(batch[2]) for batch in windows.batches)


def test_what_fails_or_runs_late_is_a_line_and_the_rest_goes_on(tmp_path):
    lines = report(tmp_path)
    lines.attempt("fails", lambda: int("of no use"))
    lines.attempt("is late", lambda: time.sleep(20), 0.1)
    lines.attempt("is in time", lambda: lines.line("is in time", value=float("inf")), 20)
    records = {one["what"]: one for one in read(tmp_path)}
    assert records["fails"]["error"].startswith("ValueError: invalid literal")
    assert records["is late"]["error"].startswith("ended after 0 s") and records["is late"]["at"] < 10
    assert records["is in time"]["value"] == "inf" and "is in time" in table(list(records.values()))


def test_nothing_begins_after_the_end_of_a_part(tmp_path):
    report(tmp_path, seconds=-1.0).attempt("too late", lambda: pytest.fail("it began"))
    assert "used up" in read(tmp_path)[0]["error"]


def arguments(tmp_path, minutes):
    return gpu.argparse.Namespace(out=tmp_path, minutes=minutes, device="cpu", quick=True, prepared=None)


def script(tmp_path, text):
    head = "import sys, time, os\nfrom pathlib import Path\nfrom benchmarks.on_gpu.report import Report\n"
    head += "parts = sys.argv[1].split('=')[1].split(',')\nstarted = float(sys.argv[2].split('=')[1])\n"
    path = tmp_path / "part.py"
    path.write_text(head + text, encoding="utf-8")
    return [sys.executable, str(path)]


def test_parts_go_on_in_another_process_where_one_dies(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = f"""
for name in parts:
    report = Report(Path({str(tmp_path)!r}), name, started, started + 100)
    report.line("part", state="begun")
    if name == "training":
        os._exit({BROKEN})
    report.line(name, value=1.0)
    report.line("part", state="ended")
"""
    command = script(tmp_path, text)
    monkeypatch.setattr(gpu, "command", lambda _: command)
    assert gpu.supervise(["hardware", "training", "decoding"], arguments(tmp_path, 8.0)) == 1
    records = read(tmp_path)
    assert [one["part"] for one in records if "value" in one] == ["hardware", "decoding"]
    assert [one["part"] for one in records if "error" in one] == ["training"]


@pytest.mark.slow
def test_a_part_that_hangs_is_ended_with_its_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(gpu, "GRACE", 0.0)
    text = f"""
report = Report(Path({str(tmp_path)!r}), parts[0], started, started + 100)
report.line("part", state="begun")
if parts[0] == "hardware":
    time.sleep(1000)
report.line(parts[0], value=1.0)
report.line("part", state="ended")
"""
    command = script(tmp_path, text)
    monkeypatch.setattr(gpu, "command", lambda _: command)
    monkeypatch.setattr(gpu, "part_ends", lambda started, _: {"hardware": started + 1, "graphs": started + 400})
    gpu.supervise(["hardware", "graphs"], arguments(tmp_path, 8.0))
    records = read(tmp_path)
    assert [one["part"] for one in records if "error" in one] == ["hardware"]
    assert [one["part"] for one in records if "value" in one] == ["graphs"]


def test_the_times_of_all_parts_fit_into_the_minutes():
    ends = gpu.part_ends(0.0, 8.0)
    assert list(ends) == list(gpu.PARTS) and sorted(ends.values()) == list(ends.values())
    assert max(ends.values()) <= 8 * 60 - 5
    assert gpu.part_ends(100.0, 4.0)["graphs"] == pytest.approx(100 + ends["graphs"] / 2)


def test_an_unfinished_line_is_left_out(tmp_path):
    (tmp_path / FILE).write_text('{"part": "a", "what": "b"}\n{"part": "c', encoding="utf-8")
    assert read(tmp_path) == [{"part": "a", "what": "b"}]

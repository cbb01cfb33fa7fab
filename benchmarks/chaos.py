"""Kill a small run at random moments, restart it, and compare its output with an uninterrupted run, bit by bit.

    python -m benchmarks.chaos --kills=20 --out=results/chaos

Each kill is a SIGKILL at a random moment of one phase (tokenizer training, or TIGER training with its tests), after
which the same command runs to completion. It passes if Semantic IDs, weights, ranks and metrics equal those of the
uninterrupted run. Finished kills are lines of kills.jsonl; repeat the command to run the missing ones.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recbole_adasid.io.array_file import read_arrays
from recbole_adasid.io.atomic import append_line
from recbole_adasid.run_folder.model_file import read_model

ROOT = Path(__file__).resolve().parents[1]
JOB = [
    *("--model=TIGER", "--tokenizer=adasid", "--dataset=ml-100k", "--show_progress=false"),
    *("--tokenizer_steps=300", "--tokenizer_save_every=50", "--epochs=6", "--eval_step=2", "--MAX_ITEM_LIST_LENGTH=3"),
    *("--d_model=32", "--d_ff=64", "--n_encoder_layers=1", "--n_decoder_layers=1", "--beam_size=10"),
    *("--user_inter_num_interval=[300,inf)", "--train_batch_size=128"),
]
PHASES = ("tokenizer", "TIGER")


def main() -> None:
    """Run the missing kills and print how many survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each phase")
    parser.add_argument("--phases", default=",".join(PHASES), help="separated by commas")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    done = noted(arguments.out)
    with tempfile.TemporaryDirectory() as folder:
        stages, whole, lengths = reference(Path(folder))
        for phase in arguments.phases.split(","):
            for number in range(sum(kill["phase"] == phase for kill in done), arguments.kills):
                kill = survive(Path(folder), stages, whole, phase, lengths[phase], seed=number)
                append_line(arguments.out / "kills.jsonl", json.dumps(kill))
                print(json.dumps(kill), flush=True)
                report(arguments.out, noted(arguments.out))


def noted(out: Path) -> list[dict[str, Any]]:
    """Return the finished kills."""
    path = out / "kills.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def reference(folder: Path) -> tuple[Path, dict[str, Any], dict[str, float]]:
    """Run undisturbed, after a first run has cached features and pairs; return that cache, what the run left, and
    how many seconds each phase took.
    """
    stages = folder / "stages"
    start(folder / "first", stages, ["--tokenizer_steps=1", "--epochs=1", "--eval_step=1"]).wait()
    shutil.rmtree(stages / "tokenizer")
    run, cache = folder / "whole", folder / "whole-cache"
    shutil.copytree(stages, cache)
    process = start(run, cache)
    begun = {phase: wait_for(phase, process, run, cache) for phase in PHASES}
    process.wait()
    lengths = {"tokenizer": begun["TIGER"] - begun["tokenizer"], "TIGER": time.time() - begun["TIGER"]}
    if process.returncode:
        raise SystemExit(f"the undisturbed run failed; see {run}/run.log")
    return stages, left_by(run), lengths


def wait_for(phase: str, process: subprocess.Popen[bytes], run: Path, cache: Path) -> float:
    """Wait until a phase has left its first trace, and return the time."""
    trace = {"tokenizer": cache / "tokenizer", "TIGER": run / "sids.json"}[phase]
    while process.poll() is None and not trace.exists():
        time.sleep(0.01)
    return time.time()


def survive(
    folder: Path, stages: Path, whole: dict[str, Any], phase: str, length: float, *, seed: int
) -> dict[str, Any]:
    """Kill a run in a phase, run it again to the end and compare."""
    run, cache = folder / f"{phase}-{seed}", folder / f"{phase}-{seed}-cache"
    moments = random.Random(f"{phase} {seed}")
    while True:
        shutil.copytree(stages, cache)
        moment = moments.uniform(0, length)
        lasted = kill(phase, moment, run, cache)
        if lasted is None:
            break
        length = lasted  # the phase was over before: draw again within what it took
        shutil.rmtree(run)
        shutil.rmtree(cache)
    kept = {
        "tokenizer": any(cache.glob("tokenizer/*.unfinished.safetensors")),
        "TIGER": (run / "training.safetensors").exists(),
    }
    again = start(run, cache).wait()
    differences = ["exit status"] if again else [name for name, value in left_by(run).items() if value != whole[name]]
    shutil.rmtree(run)
    shutil.rmtree(cache)
    return {
        "phase": phase,
        "seconds": round(moment, 2),
        "went_on": kept[phase],
        "survived": not differences,
        "differences": differences,
    }


def kill(phase: str, moment: float, run: Path, cache: Path) -> float | None:
    """Start a run and kill it so many seconds after a phase began; return how long the phase took if it was over."""
    process = start(run, cache)
    begun = wait_for(phase, process, run, cache)
    over = None
    while over is None and time.time() - begun < moment:
        time.sleep(0.01)
        if process.poll() is not None or (phase == "tokenizer" and (run / "sids.json").exists()):
            over = time.time() - begun
    process.send_signal(signal.SIGKILL)
    process.wait()
    return over


def start(run: Path, cache: Path, options: list[str] | None = None) -> subprocess.Popen[bytes]:
    """Start the job; later options win."""
    given = {option.partition("=")[0]: option for option in [*JOB, *(options or [])]}
    command = [sys.executable, str(ROOT / "run_recbole_adasid.py"), *given.values()]
    command += [f"--run_folder={run}", f"--cache_dir={cache}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=silent, stderr=silent, env=environment)


def left_by(run: Path) -> dict[str, Any]:
    """Return a run's results in a form that can be compared by ``==``."""
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    tensors = read_model(run / "model.safetensors").tensors
    return {
        "Semantic IDs": (run / "sids.json").read_text(encoding="utf-8"),
        "weights and optimiser": {name: value.numpy().tobytes() for name, value in tensors.items()},
        "ranks": {name: values.tolist() for name, values in read_arrays(run / "test_ranks.npz").items()},
        "metrics": {name: metrics[name] for name in ("best_valid", "test", "semantic_ids")},
    }


def report(out: Path, kills: list[dict[str, Any]]) -> None:
    lines = [
        "# Runs that were killed",
        "",
        "Written by `python -m benchmarks.chaos`: a small AdaSID and TIGER on ml-100k.",
    ]
    lines += ["", "| phase | kills | went on from a saved state | same result bit by bit |", "|---|---|---|---|"]
    for phase in PHASES:
        chosen = [kill for kill in kills if kill["phase"] == phase]
        counts = [len(chosen), *(sum(kill[key] for kill in chosen) for key in ("went_on", "survived"))]
        lines.append(f"| {phase} | " + " | ".join(map(str, counts)) + " |")
    (out / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

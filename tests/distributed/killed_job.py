"""The main job with one rank killed in its first attempt: in a step of the tokenizer, or after an epoch of TIGER."""

from __future__ import annotations

import os
import signal
import sys

from recbole_adasid.cli import main
from recbole_adasid.distributed.world import world
from recbole_adasid.host.trainer import TIGERTrainer
from recbole_adasid.tokenizer.training import TokenizerTraining

step, train = TokenizerTraining.step, TIGERTrainer._train_epoch
WHEN = {"0": ("tokenizer", 9), "1": ("TIGER", 1)}


def die(phase: str, number: int) -> None:
    if world().rank == 1 and WHEN.get(os.environ["TORCHELASTIC_RESTART_COUNT"]) == (phase, number):
        os.kill(os.getpid(), signal.SIGKILL)


def dying_step(self: TokenizerTraining, number: int) -> dict[str, float]:
    die("tokenizer", number)
    return step(self, number)


def dying_epoch(self: TIGERTrainer, data: object, epoch: int, **options: object) -> float:
    die("TIGER", epoch)
    return train(self, data, epoch, **options)  # type: ignore[arg-type]


TokenizerTraining.step = dying_step  # type: ignore[method-assign]
TIGERTrainer._train_epoch = dying_epoch  # type: ignore[method-assign, assignment]
sys.exit(main())

"""train.py, of which rank 1 is killed (SIGKILL) once, when the step in PT_TEST_KILL_AT begins. For the elastic test."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

import torch

torch.set_num_threads(1)

import train
from trainer.loop import Trainer

real = Trainer._train_step


def step(self):
    if self.progress.step == int(os.environ["PT_TEST_KILL_AT"]) and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and self.world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self)


Trainer._train_step = step
sys.exit(train.main())

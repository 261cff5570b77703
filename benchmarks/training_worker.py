"""Take steps of training on demand: the measuring process of ``benchmarks/training_step.py``.

It reads a question as JSON from each line of standard input, and answers with a line of JSON. ``PYTHONPATH`` chooses
the version of the package.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork
from chromasonic.melody_generation.training.lightning_module import MelodyModule

NETWORKS = {"lstm": LSTMNetwork, "transformer": TransformerNetwork}
CLIPPED_NORM = 1.0
N_BATCHES = 5


class Training:
    """A network in training on the batches of Nottingham that are of middle length.

    Args:
        question: The values of a :class:`~benchmarks.training_step.Recipe`, and the arguments of AdamW.
    """

    def __init__(self, question: dict[str, Any]) -> None:
        data = MelodyDataModule(NottinghamCorpus(), batch_size=question["batch_size"])
        data.setup()
        batches = sorted(data.train_dataloader(), key=lambda batch: batch.shape[1])
        first = (len(batches) - N_BATCHES) // 2
        self.batches: list[Tensor] = batches[first : first + N_BATCHES]
        torch.manual_seed(0)
        self.network = NETWORKS[question["network"]](question["width"])
        self.module = MelodyModule(self.network, partial(AdamW, **question["adamw"]))
        self.module.log = lambda *_, **__: None  # type: ignore[method-assign]
        self.optimizer = AdamW(self.network.parameters(), **question["adamw"])
        self.is_half = question["precision"] == "bf16-mixed"

    def size(self) -> dict[str, float]:
        """Return the mean number of tokens of a batch, and the number of weights that every token is multiplied by."""
        weights = sum(p.numel() for name, p in self.network.named_parameters() if "table" not in name)
        return {"tokens": statistics.mean(batch.numel() for batch in self.batches), "weights": weights}

    def step(self, index: int) -> float:
        """Take a step, and return the loss."""
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_half):
            loss = self.module.training_step(self.batches[index % N_BATCHES], index)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIPPED_NORM)
        self.optimizer.step()
        return float(loss.detach())


def peak() -> float:
    """Return the floating-point operations a second of a product of matrices that fit in the cache."""
    factor = torch.randn(1024, 1024)
    began = time.process_time()
    factor @ factor
    return 2.0 * len(factor) ** 3 / (time.process_time() - began)


def main() -> None:
    training = None
    for line in sys.stdin:
        question = json.loads(line)
        if question["what"] == "build":
            torch.set_num_threads(1)
            training = Training(question)
            answer = training.size()
        elif question["what"] == "step" and training is not None:
            torch.set_num_threads(question["n_threads"])
            cpu, wall = time.process_time(), time.perf_counter()
            answer = {"loss": training.step(question["index"])}
            answer |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        else:
            torch.set_num_threads(1)
            answer = {"flops": peak()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

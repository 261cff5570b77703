"""Use the library from many threads at once, and compare every result with that of one thread.

    python -m tests.breaking.threads --seconds 60

Each thread calls one function after another in its own random order: generate, engrave, write and read files, load
checkpoints, evaluate, compare, train. All threads use the same models, one of them in training mode. At the end the
state of the process must be as before.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from tests.breaking.music_readers import KERN, MUSICXML, TUNES
from tests.global_state import changes, global_state
from tests.small_networks import batch_of, small_lstm, small_transformer, walks
from torch import nn

from chromasonic.melody_generation.corpora.files import FilesCorpus
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.io.export import FORMATS, export
from chromasonic.melody_generation.io.read_score import read_score
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_model
from chromasonic.melody_generation.testing import ModelComparison, ModelTester
from chromasonic.melody_generation.training.model_trainer import ModelTrainer
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# A task writes into the given empty folder and returns a text; equal texts and files are equal results.
Task = Callable[[Path], str]
_N_TOKENS = len(NoteVocabulary())
_MEASURED = ("results.json", "model_comparison.json", "model_comparison.md", "report.html")  # they hold speeds


@dataclass
class Outcome:
    """The number of calls of each task, and the faults by their text."""

    n_calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


def make_tasks(folder: Path) -> dict[str, Task]:
    """Return the tasks by name; the files that they read are written into ``folder``."""
    torch.manual_seed(0)
    ppm = PPMNetwork()
    ppm.count(batch_of(walks(4)))
    networks: dict[str, nn.Module] = {
        "lstm": small_lstm(dropout=0.5).eval(),
        "transformer": small_transformer(dropout=0.5).eval(),
        "ppm": ppm,
    }
    plain = nn.Sequential(short_network(), nn.Dropout(0.5))  # in training mode, in which dropout changes its logits
    untrained = nn.Sequential(nn.Embedding(_N_TOKENS, 4), nn.Dropout(0.5), nn.Linear(4, _N_TOKENS))
    tunes = sorted(walks(40), key=len)[:6]
    melody = Melody([60, 64, 67, 72, 71, 69], [24, 24, 48, 24, 48, 24], title="A tune, “Ü”")
    music = folder / "music"
    music.mkdir()
    for name, content in (("a.krn", KERN[0]), ("a.musicxml", MUSICXML[0]), ("a.abc", TUNES[0])):
        (music / name).write_bytes(content)
    export(melody, music, "b", formats=["midi", "musicxml"])
    ModelTrainer(small_transformer(), "trained").train(
        tunes[:4], tunes[4:], 1, checkpoint_dir=folder / "checkpoints", show_progress=False
    )
    return {
        **{f"generate with {name}": partial(_generate, network) for name, network in networks.items()},
        "generate in training mode": partial(_generate, plain),
        **{f"write {name}": partial(_write, melody, name) for name in FORMATS},
        **{f"read {path.name}": partial(_read, path) for path in sorted(music.iterdir()) if path.suffix != ".abc"},
        "read a folder": lambda _: repr(FilesCorpus(music).read()),
        "load": lambda _: _generate(load_model(folder / "checkpoints" / "trained_best.pt"), folder),
        "evaluate": partial(_evaluate, plain, tunes),
        "compare": partial(_compare, {"a": plain, "b": short_network()}, tunes),
        "train": partial(_train, untrained, tunes),
    }


def short_network() -> nn.Module:
    """Return a network whose melodies are short: it expects their end everywhere."""
    table, linear = nn.Embedding(_N_TOKENS, 4), nn.Linear(4, _N_TOKENS)
    with torch.no_grad():
        linear.bias[NoteVocabulary.end] += 6
    return nn.Sequential(table, linear)


def _generate(model: nn.Module | TrainedModel, folder: Path) -> str:
    del folder
    return repr(generate(model, seed=1, count=2, max_notes=16))


def _write(melody: Melody, name: str, folder: Path) -> str:
    return str(len(export(melody, folder, "melody", formats=[name])))


def _read(path: Path, folder: Path) -> str:
    del folder
    return repr(read_score(path))


def _evaluate(network: nn.Module, tunes: Sequence[Melody], folder: Path) -> str:
    results = ModelTester(network, "m").run_comprehensive_test(tunes[:2], folder, n_samples=1)
    return json.dumps(without_speed(results))


def _compare(networks: dict[str, nn.Module], tunes: Sequence[Melody], folder: Path) -> str:
    results = ModelComparison().compare_models(networks, tunes[:2], folder, n_samples=1)
    return json.dumps(without_speed(results))


def _train(untrained: nn.Module, tunes: Sequence[Melody], folder: Path) -> str:
    network = copy.deepcopy(untrained)  # building one here would draw from torch's global generator
    history = ModelTrainer(network, "m").train(tunes[:4], tunes[4:], 1, checkpoint_dir=folder, show_progress=False)
    return json.dumps(history.to_dict())


def without_speed(values: object) -> object:
    """Return results without what was measured with a clock."""
    if isinstance(values, dict):
        return {name: without_speed(value) for name, value in values.items() if name != "cost"}
    return [without_speed(value) for value in values] if isinstance(values, list) else values


def result_of(task: Task) -> str:
    """Call a task; return its text with the digests of its files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = task(folder)
        digests = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name not in _MEASURED and "tfevents" not in path.name and path.suffix != ".pt"
        }
        return text.replace(name, "") + json.dumps(digests)


def run(seconds: float, n_threads: int, only: Sequence[str] = (), seed: int = 0) -> Outcome:
    """Call tasks in threads until the time is over, and each at least once.

    Args:
        seconds: Duration.
        n_threads: Number of threads.
        only: Beginnings of the names of tasks; all by default.
        seed: Seed of the order.
    """
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        tasks = {
            name: task for name, task in make_tasks(Path(folder)).items() if not only or name.startswith(tuple(only))
        }
        before = global_state()
        expected = {name: result_of(task) for name, task in tasks.items()}
        outcome.faults.update(f"{change} changed, in one thread" for change in changes(before))
        until = time.monotonic() + seconds
        shares = [list(tasks)[number::n_threads] for number in range(n_threads)]
        threads = [
            threading.Thread(
                target=_work, args=(tasks, expected, share, until, random.Random(f"{seed} {number}"), outcome)
            )
            for number, share in enumerate(shares)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcome.faults.update(f"{change} changed" for change in changes(before))
    return outcome


def _work(
    tasks: dict[str, Task],
    expected: dict[str, str],
    first: Sequence[str],
    until: float,
    choice: random.Random,
    outcome: Outcome,
) -> None:
    """Call the tasks of ``first``, and then tasks by chance until the time is over."""
    names = itertools.chain(first, iter(lambda: choice.choice(list(tasks)), None))
    for number, name in enumerate(names):
        if number >= len(first) and time.monotonic() > until:
            break
        try:
            if result_of(tasks[name]) != expected[name]:
                outcome.faults[f"{name}: another result than in one thread"] += 1
        except BaseException as problem:  # of any kind: it is reported
            outcome.faults[f"{name}: {type(problem).__name__}: {problem}"[:300]] += 1
        outcome.n_calls[name] += 1


def main() -> int:
    """Read the arguments, run, and print the number of calls and the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=(), help="beginnings of names of tasks")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    outcome = run(arguments.seconds, arguments.threads, arguments.only, arguments.seed)
    for name, count in outcome.n_calls.most_common():
        print(f"{count:6} {name}")
    print(f"{outcome.n_calls.total()} calls in {arguments.threads} threads, {outcome.faults.total()} faults")
    for fault, count in outcome.faults.items():
        print(f"  {count} times: {fault}")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())

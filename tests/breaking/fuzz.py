"""Feed each reader a hundred thousand mutated inputs, and check that it reads or refuses every one.

    python -m tests.breaking.fuzz --inputs 100000               each reader; see music_readers.py and run_readers.py
    python -m tests.breaking.fuzz --inputs 1000 --only abc midi
    python -m tests.breaking.fuzz --only abc --seed 0 --first 4711 --inputs 1     repeat one input

A reader runs in its own process, with bounded memory and ten seconds of processor time for each input. Faults are
errors other than the documented one, crashes, hangs, and exhausted memory. A fault is reported with the number of the
input, which depends only on the seed, the reader's name and this number. The exit code is 1 if there are faults.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import mmap
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch
from tests.breaking.readers import READERS, Reader

SECONDS: float = 10  # of processor time for one input, which other programs do not use up
_WAITING = 6  # times as long by the clock, for an input that waits
_GIGABYTE = 1 << 30
_MEMORY = 2 * _GIGABYTE  # of address space, beyond that of the process at its start
_CHUNK = 500  # inputs of one process
_REPORT_SECONDS = 30
_N_WARM_UP = 30


class Hang(BaseException):
    """An input that exceeds its time; no reader catches this."""


@dataclass
class Outcome:
    """Results of one reader.

    Attributes:
        n_inputs: Inputs so far.
        n_refused: Inputs refused with the documented error.
        slowest: Processor time of the slowest input, in seconds.
        faults: Description of the first fault of each kind; a kind is an error and its line.
        counts: Faults of each kind.
    """

    n_inputs: int = 0
    n_refused: int = 0
    slowest: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def fault(self, kind: str, description: str) -> None:
        """Record a fault."""
        self.faults.setdefault(kind, description)
        self.counts[kind] += 1


def input_of(reader: Reader, name: str, seed: int, number: int) -> bytes:
    """Return the input with a given number."""
    return reader.make(random.Random(f"{seed} {name} {number}"))


def fuzz(name: str, numbers: range, seed: int = 0) -> Iterator[Outcome]:
    """Read the inputs with these numbers in separate processes, and yield the results so far after each chunk."""
    outcome = Outcome()
    for begin in range(numbers.start, numbers.stop, _CHUNK):
        _chunk(name, range(begin, min(begin + _CHUNK, numbers.stop)), seed, outcome)
        yield outcome


def _chunk(name: str, numbers: range, seed: int, outcome: Outcome) -> None:
    """Read some inputs in one process, and start another one after each input that ends it."""
    while numbers:
        current = mmap.mmap(-1, 8)
        receiving, sending = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about threads of the parent
            child = os.fork()
        if child == 0:
            os.close(receiving)
            _work(name, numbers, seed, sending, current)
        os.close(sending)
        with open(receiving, "rb") as pipe:
            lines = pipe.read().decode(errors="replace").split("\x1e")
        _, status = os.waitpid(child, 0)
        _record(lines, outcome)
        code, last = os.waitstatus_to_exitcode(status), int.from_bytes(current[:8], "little")
        if code == 0:
            return
        ending = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        outcome.fault(ending, f"input {last}: the process ended with {ending}")
        outcome.n_inputs += 1
        numbers = range(last + 1, numbers.stop)


def _record(lines: list[str], outcome: Outcome) -> None:
    for line in lines:
        kind, _, rest = line.partition("\x1f")
        if kind == "fault":
            name, _, description = rest.partition("\x1f")
            outcome.fault(name, description)
            outcome.n_inputs += 1
        elif kind == "read":
            n_refused, slowest = rest.split()
            outcome.n_inputs += 1
            outcome.n_refused += int(n_refused)
            outcome.slowest = max(outcome.slowest, float(slowest))


def _work(name: str, numbers: range, seed: int, sending: int, current: mmap.mmap) -> NoReturn:
    reader = READERS[name]
    try:
        # A crash counts as a fault; its report would only fill the terminal.
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # the parent answers it; without the parent, the next write ends this process
        torch.set_num_threads(1)
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGPROF, _hang)
        signal.signal(signal.SIGALRM, _hang)
        reader.make(random.Random(0))  # valid inputs are made once, before memory is bounded
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + _MEMORY, held + _MEMORY))
        with open(sending, "w", errors="replace") as pipe, tempfile.TemporaryDirectory() as folder:
            for number in numbers:
                current[:8] = number.to_bytes(8, "little")
                pipe.write(_read_one(reader, name, seed, number, Path(folder)) + "\x1e")
                pipe.flush()
    except BaseException:
        os._exit(3)
    os._exit(0)


def _hang(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise Hang


def _read_one(reader: Reader, name: str, seed: int, number: int, folder: Path) -> str:
    content = input_of(reader, name, seed, number)
    n_refused = 0
    began = time.process_time()
    _limit(SECONDS)
    try:
        reader.read(content, folder)
    except reader.refusals:
        n_refused = 1
    except BaseException as problem:
        _limit(0)
        frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if "/chromasonic/" in frame.filename]
        line = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        kind = f"{type(problem).__name__} at {line}"
        return f"fault\x1f{kind}\x1finput {number}: {kind}: {' '.join(str(problem).split())[:200]}"
    finally:
        _limit(0)
    return f"read\x1f{n_refused} {time.process_time() - began:.3f}"


def _limit(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WAITING)


def main() -> int:
    """Read the arguments, fuzz, and print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="inputs of each reader")
    parser.add_argument("--slow-inputs", type=int, help="inputs of each slow reader")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    arguments = parser.parse_args()
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="fuzz-cache-")
    n_faults = 0
    for name in arguments.only:
        n_inputs = arguments.slow_inputs if READERS[name].is_slow and arguments.slow_inputs else arguments.inputs
        outcome, began, reported = Outcome(), time.monotonic(), time.monotonic()
        seen: set[str] = set()
        try:
            _import_needed(READERS[name])
            for outcome in fuzz(name, range(arguments.first, arguments.first + n_inputs), arguments.seed):
                for kind in outcome.faults.keys() - seen:
                    print(f"  {outcome.faults[kind]}", flush=True)
                seen |= outcome.faults.keys()
                if time.monotonic() > reported + _REPORT_SECONDS:
                    reported = time.monotonic()
                    print(f"  {_line(name, outcome, reported - began)} so far", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print(f"{_line(name, outcome, time.monotonic() - began)}, then interrupted", flush=True)
            return 130
        print(_line(name, outcome, time.monotonic() - began), flush=True)
        for kind, count in outcome.counts.most_common():
            print(f"  {count} x {kind}", flush=True)
        n_faults += len(outcome.faults)
    return 1 if n_faults else 0


def _import_needed(reader: Reader) -> None:
    """Read some inputs in this process, so that its children need not import the reader's libraries."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        for _ in range(_N_WARM_UP):
            with suppress(Exception):  # the children report faults
                reader.read(reader.make(draw), Path(folder))


def _line(name: str, outcome: Outcome, seconds: float) -> str:
    return (
        f"{name}: {outcome.n_inputs} inputs, {outcome.n_refused} refused, slowest {outcome.slowest:.2f} s, "
        f"{sum(outcome.counts.values())} faults of {len(outcome.faults)} kinds, {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())

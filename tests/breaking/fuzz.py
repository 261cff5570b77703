"""Read a hundred thousand inputs that are almost right with each reader, and see that it answers or refuses.

    python -m tests.breaking.fuzz --inputs 100000               each reader; see music_readers.py and run_readers.py
    python -m tests.breaking.fuzz --inputs 1000 --only abc midi
    python -m tests.breaking.fuzz --only abc --seed 0 --first 4711 --inputs 1     one input once more

A reader runs in a process of its own, with bounded memory and ten seconds of the processor for each input. Whatever
it raises but the error that it names, a crash, a hang, and memory that runs out are faults, told with the number that
makes the input again. Inputs depend on nothing but the seed, the reader's name and this number. Ends with exit code 1
if there are any faults.
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

# Of the processor's time, so that other programs do no harm; on the clock, for what waits, six times as long.
SECONDS: float = 10
_WAITING = 6
_GIGABYTE = 1 << 30
# Beyond what the process holds when it begins, much of it address space alone.
_MEMORY = 2 * _GIGABYTE
_CHUNK = 500
_TELL_SECONDS = 30
_READ_BEFORE = 30


class Hang(BaseException):
    """An input that took longer than it may; no reader catches it."""


@dataclass
class Outcome:
    """What came of a reader's inputs.

    Attributes:
        n_inputs: How many were read.
        n_refused: Those that were refused as they should be.
        slowest: Seconds of the processor that the slowest one took.
        faults: Where the rest led: what was raised, by where it was, with the first number that led there.
    """

    n_inputs: int = 0
    n_refused: int = 0
    slowest: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def fault(self, key: str, story: str) -> None:
        """Note a fault."""
        self.faults.setdefault(key, story)
        self.counts[key] += 1


def input_of(reader: Reader, name: str, seed: int, number: int) -> bytes:
    """The input of a number."""
    return reader.make(random.Random(f"{seed} {name} {number}"))


def fuzz(name: str, numbers: range, seed: int = 0) -> Iterator[Outcome]:
    """Read the inputs of these numbers, in processes of their own; what came of them so far, again and again."""
    outcome = Outcome()
    for begin in range(numbers.start, numbers.stop, _CHUNK):
        _chunk(name, range(begin, min(begin + _CHUNK, numbers.stop)), seed, outcome)
        yield outcome


def _chunk(name: str, numbers: range, seed: int, outcome: Outcome) -> None:
    """Read some inputs in one process; it is started anew after each input that ends it."""
    while numbers:
        at = mmap.mmap(-1, 8)
        receiving, sending = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads in the parent
            child = os.fork()
        if child == 0:
            os.close(receiving)
            _work(name, numbers, seed, sending, at)
        os.close(sending)
        with open(receiving, "rb") as told:
            lines = told.read().decode(errors="replace").split("\x1e")
        _, status = os.waitpid(child, 0)
        _note(lines, outcome)
        code, last = os.waitstatus_to_exitcode(status), int.from_bytes(at[:8], "little")
        if code == 0:
            return
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        outcome.fault(how, f"input {last}: the process ended with {how}")
        outcome.n_inputs += 1
        numbers = range(last + 1, numbers.stop)


def _note(lines: list[str], outcome: Outcome) -> None:
    for line in lines:
        kind, _, rest = line.partition("\x1f")
        if kind == "fault":
            key, _, story = rest.partition("\x1f")
            outcome.fault(key, story)
            outcome.n_inputs += 1
        elif kind == "read":
            n_refused, slowest = rest.split()
            outcome.n_inputs += 1
            outcome.n_refused += int(n_refused)
            outcome.slowest = max(outcome.slowest, float(slowest))


def _work(name: str, numbers: range, seed: int, sending: int, at: mmap.mmap) -> NoReturn:
    reader = READERS[name]
    try:
        # A crash is a fault; its report on the terminal is not wanted.
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer; with it gone, the next line ends this
        torch.set_num_threads(1)
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGPROF, _hang)
        signal.signal(signal.SIGALRM, _hang)
        reader.make(random.Random(0))  # whole inputs are made once, before memory is bounded
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + _MEMORY, held + _MEMORY))
        with open(sending, "w", errors="replace") as tell, tempfile.TemporaryDirectory() as folder:
            for number in numbers:
                at[:8] = number.to_bytes(8, "little")
                tell.write(_read_one(reader, name, seed, number, Path(folder)) + "\x1e")
                tell.flush()
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
        where = [each for each in traceback.extract_tb(problem.__traceback__) if "/chromasonic/" in each.filename]
        place = f"{Path(where[-1].filename).name}:{where[-1].lineno}" if where else "?"
        key = f"{type(problem).__name__} at {place}"
        return f"fault\x1f{key}\x1finput {number}: {key}: {' '.join(str(problem).split())[:200]}"
    finally:
        _limit(0)
    return f"read\x1f{n_refused} {time.process_time() - began:.3f}"


def _limit(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WAITING)


def main() -> int:
    """Read the arguments, fuzz, and print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="for each reader")
    parser.add_argument("--slow-inputs", type=int, help="for readers that take a hundred times as long for each")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    given = parser.parse_args()
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="fuzz-cache-")
    n_faults = 0
    for name in given.only:
        n_inputs = given.slow_inputs if READERS[name].is_slow and given.slow_inputs else given.inputs
        outcome, began, told = Outcome(), time.monotonic(), time.monotonic()
        seen: set[str] = set()
        try:
            _import_what_it_needs(READERS[name])
            for outcome in fuzz(name, range(given.first, given.first + n_inputs), given.seed):
                for key in outcome.faults.keys() - seen:
                    print(f"  {outcome.faults[key]}", flush=True)
                seen |= outcome.faults.keys()
                if time.monotonic() > told + _TELL_SECONDS:
                    told = time.monotonic()
                    print(f"  {_line(name, outcome, told - began)} so far", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print(f"{_line(name, outcome, time.monotonic() - began)}, then interrupted", flush=True)
            return 130
        print(_line(name, outcome, time.monotonic() - began), flush=True)
        for key, count in outcome.counts.most_common():
            print(f"  {count} x {key}", flush=True)
        n_faults += len(outcome.faults)
    return 1 if n_faults else 0


def _import_what_it_needs(reader: Reader) -> None:
    """Read some inputs, so that the processes that read the others need not import anything anew."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        for _ in range(_READ_BEFORE):
            with suppress(Exception):  # a fault is told when its turn comes
                reader.read(reader.make(draw), Path(folder))


def _line(name: str, outcome: Outcome, seconds: float) -> str:
    return (
        f"{name}: {outcome.n_inputs} inputs, {outcome.n_refused} refused, slowest {outcome.slowest:.2f} s, "
        f"{sum(outcome.counts.values())} faults of {len(outcome.faults)} kinds, {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())

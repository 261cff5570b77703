"""Carrying out steps that are programs: several at once, each when what it needs is done, and none twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chromasonic.melody_generation.errors import InputError

_LOOK_EVERY = 0.1  # seconds
_PATIENCE = 30.0  # seconds that a program has to end when it is told to


class Step(Protocol):
    """A program to be run once."""

    @property
    def name(self) -> str:
        """What lines on the terminal call it."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """Names of the steps that have to be done before."""
        ...

    @property
    def log(self) -> Path:
        """Where what the program prints goes."""
        ...

    def is_done(self) -> bool:
        """Whether there is nothing to do; asked when all that it needs is done."""
        ...

    def begin(self) -> tuple[list[str], str]:
        """Make ready, and tell what to run, and in a word or two why, if that is not plain."""
        ...

    def note_time(self, seconds: float) -> None:
        """Record the processor time that the program took, however it ended."""
        ...

    def outcome(self) -> str:
        """What came of it, once it has succeeded."""
        ...


@dataclass
class _Program:
    """A program that is running, and its processor time."""

    process: subprocess.Popen[bytes]
    began: float
    seconds: float = 0.0

    @classmethod
    def started(cls, command: Sequence[str], log: Path) -> _Program:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as said:  # a run that is gone on with keeps what it said before
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C reaches it through us alone
            )
        return cls(process, time.monotonic())

    def has_ended(self) -> bool:
        """Whether it has; if so its code and time are known."""
        if self.process.returncode is not None:
            return True
        number, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if number:
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.seconds = usage.ru_utime + usage.ru_stime
        return bool(number)

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.began) / 60


@dataclass
class _Steps:
    """Steps on their way."""

    steps: Mapping[str, Step]
    n_at_once: int
    say: Callable[[str], None]
    waiting: list[str]
    running: dict[str, _Program] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)

    def carry_out(self) -> None:
        try:
            while self.waiting or self.running:
                self._start()
                self._collect()
                if self.running:
                    time.sleep(_LOOK_EVERY)
        finally:
            self._stop()

    def _start(self) -> None:
        """Start what can be, the most urgent first; what is done already is only counted."""
        for name in list(self.waiting):
            step = self.steps[name]
            if missing := next((each for each in step.needs if each in self.failures), None):
                self._fail(name, f"not started, since {missing} failed")
            elif self.done.issuperset(step.needs) and len(self.running) < self.n_at_once:
                try:
                    self._look_at(name, step)
                except (InputError, OSError) as problem:
                    self._fail(name, f"failed: {problem}")

    def _look_at(self, name: str, step: Step) -> None:
        if step.is_done():
            self.done.add(name)
        else:
            command, remark = step.begin()
            if remark:
                self._tell(name, remark)
            self.running[name] = _Program.started(command, step.log)
        self.waiting.remove(name)

    def _collect(self) -> None:
        for name in [name for name, program in self.running.items() if program.has_ended()]:
            program, step = self.running.pop(name), self.steps[name]
            try:
                step.note_time(program.seconds)
                if program.process.returncode:
                    raise InputError(f"{_last_words(step.log)}; see {step.log}")
                outcome = step.outcome()
            except InputError as problem:
                self._fail(name, f"failed: {problem}")
            else:
                self.done.add(name)
                self._tell(name, f"done in {program.minutes:.1f} min", outcome)

    def _fail(self, name: str, reason: str) -> None:
        if name in self.waiting:
            self.waiting.remove(name)
        self.failures[name] = reason
        self._tell(name, reason)

    def _tell(self, name: str, *words: str) -> None:
        n = len(self.done) + len(self.failures)
        width = len(str(len(self.steps)))
        self.say("  ".join([f"{n:>{width}} of {len(self.steps)}", name, *filter(None, words)]))

    def _stop(self) -> None:
        """End all that is still running, as Ctrl-C does: they leave whole files, and can be gone on with."""
        for program in self.running.values():
            if not program.has_ended():
                program.process.send_signal(signal.SIGTERM)
        latest = time.monotonic() + _PATIENCE
        for name, program in self.running.items():
            while not program.has_ended():
                if time.monotonic() > latest:
                    program.process.kill()
                time.sleep(_LOOK_EVERY)
            self.steps[name].note_time(program.seconds)


def carry_out(steps: Sequence[Step], n_at_once: int, say: Callable[[str], None]) -> dict[str, str]:
    """Run what is not done yet; a step that fails stops none but those that need it.

    Args:
        steps: All of them, by names of their own; those from which most others have to follow are begun first.
        n_at_once: How many at most, on one thread each.
        say: Told each step that ends, in a line.

    Returns:
        Why steps failed, or were not started, by their names.

    Raises:
        KeyboardInterrupt: If that is how it was ended; the programs have ended too.
    """
    by_name = {step.name: step for step in steps}
    state = _Steps(by_name, n_at_once, say, _by_urgency(by_name))
    state.carry_out()
    return state.failures


def _by_urgency(steps: Mapping[str, Step]) -> list[str]:
    """The steps by falling length of the longest chain that has to follow, then in their own order."""
    followers: dict[str, list[str]] = {name: [] for name in steps}
    for name, step in steps.items():
        for each in step.needs:
            followers[each].append(name)

    def chain(name: str) -> int:
        return 1 + max(map(chain, followers[name]), default=0)

    return sorted(steps, key=chain, reverse=True)


def _last_words(log: Path) -> str:
    """The last line that a program has printed."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

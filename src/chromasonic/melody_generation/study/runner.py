"""Run steps that are programs: several at once, each after the steps that it needs, and none twice."""

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

_POLL_INTERVAL = 0.1  # seconds
_STOP_TIMEOUT = 30.0  # seconds between the signal to end and the signal to die


class StudyStep(Protocol):
    """A program to be run once."""

    @property
    def name(self) -> str:
        """The name in the lines of the terminal."""
        ...

    @property
    def needs(self) -> Sequence[str]:
        """Names of the steps that have to be done before."""
        ...

    @property
    def log(self) -> Path:
        """The file for the output of the program."""
        ...

    def is_done(self) -> bool:
        """Return whether there is nothing to do; called after the steps that it needs."""
        ...

    def prepare(self) -> tuple[list[str], str]:
        """Prepare the step, and return its command and a remark for the terminal, which may be empty."""
        ...

    def record_time(self, seconds: float) -> None:
        """Record the processor time of the program, however it ended."""
        ...

    def outcome(self) -> str:
        """Return the result of a program that has succeeded, in a few words."""
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
        with log.open("ab") as output:  # a run that is resumed keeps its earlier output
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C reaches it through us alone
            )
        return cls(process, time.monotonic())

    def has_ended(self) -> bool:
        """Return whether the program has ended; its exit code and time are known then."""
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
    """The state of all steps."""

    steps: Mapping[str, StudyStep]
    n_at_once: int
    report: Callable[[str], None]
    waiting: list[str]
    running: dict[str, _Program] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    to_run: set[str] = field(default_factory=set)  # waiting steps that are known not to be done
    failures: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        try:
            while self.waiting or self.running:
                self._start()
                self._collect()
                if self.running:
                    time.sleep(_POLL_INTERVAL)
        finally:
            self._stop()

    def _start(self) -> None:
        """Start the steps that can start, the most urgent first; steps that are done are only counted."""
        for name in list(self.waiting):
            step = self.steps[name]
            if failed := next((needed for needed in step.needs if needed in self.failures), None):
                self._fail(name, f"not started, since {failed} failed")
            elif self.done.issuperset(step.needs):
                try:
                    self._start_step(name, step)
                except (InputError, OSError) as problem:
                    self._fail(name, f"failed: {problem}")

    def _start_step(self, name: str, step: StudyStep) -> None:
        if name not in self.to_run and step.is_done():
            self.done.add(name)
            self.waiting.remove(name)
            return
        self.to_run.add(name)
        if len(self.running) < self.n_at_once:
            command, remark = step.prepare()
            if remark:
                self._report(name, remark)
            self.running[name] = _Program.started(command, step.log)
            self.waiting.remove(name)

    def _collect(self) -> None:
        for name in [name for name, program in self.running.items() if program.has_ended()]:
            program, step = self.running.pop(name), self.steps[name]
            try:
                step.record_time(program.seconds)
                if program.process.returncode:
                    raise InputError(f"{_last_line(step.log)}; see {step.log}")
                outcome = step.outcome()
            except InputError as problem:
                self._fail(name, f"failed: {problem}")
            else:
                self.done.add(name)
                self._report(name, f"done in {program.minutes:.1f} min", outcome)

    def _fail(self, name: str, reason: str) -> None:
        if name in self.waiting:
            self.waiting.remove(name)
        self.failures[name] = reason
        self._report(name, reason)

    def _report(self, name: str, *words: str) -> None:
        n = len(self.done) + len(self.failures)
        width = len(str(len(self.steps)))
        self.report("  ".join([f"{n:>{width}} of {len(self.steps)}", name, *filter(None, words)]))

    def _stop(self) -> None:
        """Stop all running programs as Ctrl-C does: they leave whole files and can be resumed."""
        for program in self.running.values():
            if not program.has_ended():
                program.process.send_signal(signal.SIGTERM)
        latest = time.monotonic() + _STOP_TIMEOUT
        for name, program in self.running.items():
            while not program.has_ended():
                if time.monotonic() > latest:
                    program.process.kill()
                time.sleep(_POLL_INTERVAL)
            self.steps[name].record_time(program.seconds)


def run_steps(steps: Sequence[StudyStep], n_at_once: int, report: Callable[[str], None]) -> dict[str, str]:
    """Run the steps that are not done yet; a step that fails stops only the steps that need it.

    Args:
        steps: All steps, with different names; the steps with the longest chain of followers start first.
        n_at_once: Maximum number of programs at the same time, each on one thread.
        report: Called with a line for each step that ends.

    Returns:
        The reason for each step that failed or was not started, by name.

    Raises:
        KeyboardInterrupt: If the user interrupts; all programs have ended then.
    """
    by_name = {step.name: step for step in steps}
    state = _Steps(by_name, n_at_once, report, _by_urgency(by_name))
    state.run()
    return state.failures


def _by_urgency(steps: Mapping[str, StudyStep]) -> list[str]:
    """Return the steps sorted by the length of the longest chain of followers, the longest first."""
    followers: dict[str, list[str]] = {name: [] for name in steps}
    for name, step in steps.items():
        for needed in step.needs:
            followers[needed].append(name)

    def chain(name: str) -> int:
        return 1 + max(map(chain, followers[name]), default=0)

    return sorted(steps, key=chain, reverse=True)


def _last_line(log: Path) -> str:
    """Return the last line that a program has printed."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")

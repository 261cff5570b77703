"""Every reader reads or refuses mutated inputs.

``python -m tests.breaking.fuzz`` reads any number of them.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.breaking import fuzz
from tests.breaking.mutations import MAX_BYTES
from tests.breaking.readers import READERS, Reader

N_INPUTS = dict.fromkeys(READERS, 100) | {"configuration": 50, "abc": 50, "states": 5}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_or_refuses_mutated_inputs(name: str) -> None:
    # Another seed than that of the command, so that this test tries other inputs.
    *_, outcome = fuzz.fuzz(name, range(N_INPUTS[name]), seed=1)
    assert outcome.faults == {}
    assert outcome.n_inputs == N_INPUTS[name]


@pytest.mark.parametrize("name", READERS)
def test_inputs_are_reproducible_diverse_and_bounded(name: str, tmp_path: Path) -> None:
    inputs = [fuzz.input_of(READERS[name], name, 0, number) for number in range(30)]
    assert inputs == [fuzz.input_of(READERS[name], name, 0, number) for number in range(30)]
    assert len(set(inputs)) > 10
    assert max(map(len, inputs)) <= max(MAX_BYTES, 2_000_000)


def _raises(content: bytes, folder: Path) -> None:
    del content, folder
    raise RuntimeError("unexpected")


def _runs_forever(content: bytes, folder: Path) -> None:
    del content, folder
    while True:
        pass


def _waits_forever(content: bytes, folder: Path) -> None:
    del content, folder
    while True:
        time.sleep(0.01)


def _crashes(content: bytes, folder: Path) -> None:
    del folder
    if content == b"7":
        import ctypes

        ctypes.string_at(0)


def _takes_all_memory(content: bytes, folder: Path) -> None:
    del content, folder
    _ = bytearray(1 << 40)


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (_raises, "RuntimeError"),
        (_runs_forever, "Hang"),
        (_waits_forever, "Hang"),
        (_crashes, "SIGSEGV"),
        (_takes_all_memory, "MemoryError"),
    ],
)
def test_fuzzing_finds_faults(read: object, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(draw: random.Random) -> bytes:
        del draw
        numbers.append(len(numbers))
        return str(numbers[-1]).encode()

    numbers: list[int] = []
    monkeypatch.setitem(READERS, "broken", Reader(make, read))  # type: ignore[arg-type]
    monkeypatch.setattr(fuzz, "SECONDS", 0.5)
    n_inputs = 10 if kind == "SIGSEGV" else 1
    *_, outcome = fuzz.fuzz("broken", range(n_inputs))
    assert [kind in name for name in outcome.faults] == [True], outcome.faults
    assert sum(outcome.counts.values()) == 1
    assert outcome.n_inputs == n_inputs

"""Files that repeat one fragment are read or refused within the bounds.

``python -m tests.breaking.repeated`` reads any number of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.breaking.repeated import (
    BOUNDS,
    MAX_BYTES,
    SUFFIXES,
    Repetition,
    growth,
    read_repeated,
    repetition,
)

from chromasonic.melody_generation.io.bounded.reader_process import ReaderProcess
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

N_INPUTS = dict.fromkeys(SUFFIXES, 25)
HEADER = b"X:1\nT:t\nM:4/4\nL:1/8\n"
IN_KEY = HEADER + b"K:C\n"
MUSIC = b"CDEF|\n"
# Files that an earlier reader took a minute or longer for, or all memory, or that look as if they could.
ABC = {
    "open brackets": IN_KEY + b"[" * 390_000 + MUSIC,
    "open brackets before a closed one": IN_KEY + b"[" * 390_000 + b"CDEF]|\n",
    "chords in chords": IN_KEY + b"[C" * 50_000 + b"]" * 50_000 + b"\n",
    "open fields": IN_KEY + b"[K:" * 33_000 + MUSIC,
    "colons and brackets": IN_KEY + b": [" * 33_000 + MUSIC,
    "quotes": IN_KEY + b'"' * 100_001 + MUSIC,
    "open decorations": IN_KEY + b"!a" * 50_000 + b"|!" * 50_000 + MUSIC,
    "plus marks": IN_KEY + b"+a" * 50_001 + MUSIC,
    "second voices": IN_KEY + b"&" * 100_000 + MUSIC,
    "tuplets": IN_KEY + b"(3" * 50_000 + MUSIC,
    "long tuplets": IN_KEY + b"(3:2:99" * 14_000 + MUSIC,
    "broken rhythm": IN_KEY + b"C" + b"> " * 50_000 + MUSIC,
    "repeats": IN_KEY + b"C|:" * 33_000 + MUSIC,
    "endings": IN_KEY + b"C[1,2,3,4-16" * 8_000 + b"\n",
    "passes of an ending": IN_KEY + b"C[" + b"1," * 50_000 + b"1 C|[2 C|\n",
    "slashes": IN_KEY + b"C" + b"/" * 100_000 + b"\n",
    "octaves": IN_KEY + b"C" + b"'," * 50_000 + b"\n",
    "digits": IN_KEY + b"C" + b"9" * 100_000 + b"\n",
    "bars of rest": IN_KEY + b"Z999" * 25_000 + b"\n",
    "spaces": IN_KEY + b" " * 100_000 + b":" + b" " * 100_000 + MUSIC,
    "metres": HEADER + b"M:" + b"1+" * 50_000 + b"1/8\nK:C\n" + MUSIC,
    "a key": HEADER + b"K:C" + b"^c" * 50_000 + b"\n" + MUSIC,
    "a title": b"X:1\nT:" + b"\\" * 100_000 + b"\nK:C\n" + MUSIC,
    "tunes": b"X:\n" * 33_000,
    "part orders of 3.5 kB": HEADER + b"P:" + b"(A99)99" * 500 + b"\nK:C\nP:A\n" + MUSIC,
    "part orders": HEADER + b"P:" + b"((A99)99)0" * 10_000 + b"\nK:C\nP:A\n" + MUSIC,
    "deep part orders": HEADER + b"P:" + b"(" * 40_000 + b"A" + b")1" * 40_000 + b"\nK:C\nP:A\n" + MUSIC,
    "parts": HEADER + b"P:A\nK:C\n" + b"P:A\nC\n" * 16_000,
}


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with closing(ReaderProcess(BOUNDS)) as process:
        process.read(IN_KEY + MUSIC, ".abc", "a.abc")  # starts it
        yield process


@pytest.mark.slow
@pytest.mark.parametrize("name", SUFFIXES)
def test_every_reader_reads_or_refuses_repeated_fragments_within_the_bounds(name: str, reader: ReaderProcess) -> None:
    *_, outcome = read_repeated(name, range(N_INPUTS[name]), 1, reader)
    assert outcome.faults == []
    assert outcome.n_inputs == sum(outcome.counts.values()) == N_INPUTS[name]
    assert not [verdict for verdict in outcome.counts if "bound" in verdict]


@pytest.mark.slow
@pytest.mark.parametrize("content", ABC.values(), ids=ABC.keys())
def test_abc_is_read_in_linear_time(content: bytes, reader: ReaderProcess) -> None:
    """Each stays within ten seconds of processor time; the square of its length would take minutes."""
    process = reader.process_id
    tunes = reader.read(content, ".abc", "a.abc")
    assert not any(isinstance(tune, DroppedTune) and tune.depends_on_machine for tune in tunes)
    assert reader.process_id == process


@pytest.mark.parametrize("name", SUFFIXES)
def test_repetitions_are_reproducible_diverse_and_bounded(name: str) -> None:
    inputs = [repetition(name, 0, number) for number in range(50)]
    assert inputs == [repetition(name, 0, number) for number in range(50)]
    assert len({each.content() for each in inputs}) > 25
    assert max(each.n_bytes for each in inputs) <= MAX_BYTES + 2_000
    assert max(each.n_bytes for each in inputs) > 20_000


def test_growth_that_is_no_line_is_measured(reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    def square(given: Repetition, *_: object) -> tuple[list[WrittenTune | DroppedTune], float, float]:
        return [], 1e-9 * given.n_bytes**2, 0.0

    monkeypatch.setattr("tests.breaking.repeated.measured", square)
    assert "exponent 2.0" in growth("abc", 3, 0, reader)

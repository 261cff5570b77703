"""Read files that repeat one fragment up to a hundred kilobytes, and look for time that grows faster than size.

    python -m tests.breaking.repeated --inputs 20000                      each format
    python -m tests.breaking.repeated --only abc --first 4711 --inputs 1  repeat one input

The files are read as those of users are, by the process whose processor time and memory are bounded. A fragment is
taken from a valid file, or made of tokens of the format. Faults are errors other than the documented one, and the end
of the process for another reason than a bound. At the end, the five inputs that took most time for each kilobyte are
read again with a quarter of the repetitions: an exponent of 1 is linear growth. The exit code is 1 if there are faults.
"""

from __future__ import annotations

import argparse
import heapq
import io
import math
import random
import re
import signal
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing as closed
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.breaking import music_readers as music

from chromasonic.melody_generation.io.bounded.reader_process import ReaderProcess, ReadingBounds
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

BOUNDS = ReadingBounds(seconds=10.0, seconds_per_megabyte=0.0)
MAX_BYTES = 100_000
_MIN_BYTES = 1_000
_LEAST_COMPARED = 10_000  # bytes: below, the constant part of the time counts most
_N_WORST = 5
_REPORT_SECONDS = 30
_SEPARATORS = (b"", b"", b" ", b"\n", b"|")
SUFFIXES = {"abc": ".abc", "midi": ".mid", "musicxml": ".musicxml", "mxl": ".mxl", "kern": ".krn"}


@dataclass(frozen=True)
class Repetition:
    """A file with a repeated fragment.

    Attributes:
        begin: The bytes before the repetitions.
        fragment: The repeated bytes.
        middle: The bytes after the repetitions.
        closing: Bytes that are repeated as often after the middle.
        end: The last bytes.
        n_times: The number of repetitions.
        container: The archive or track that the bytes are packed in; empty for none.
    """

    begin: bytes
    fragment: bytes
    middle: bytes
    closing: bytes
    end: bytes
    n_times: int
    container: str = ""

    def content(self) -> bytes:
        """Return the content of the file."""
        parts = (self.begin, self.fragment * self.n_times, self.middle, self.closing * self.n_times, self.end)
        return CONTAINERS[self.container](b"".join(parts))

    @property
    def n_bytes(self) -> int:
        """The number of bytes that are read, after unpacking."""
        n_repeated = self.n_times * len(self.fragment + self.closing)
        return n_repeated + len(self.begin + self.middle + self.end)


def _zipped(document: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo("score.xml")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, document)
    return content.getvalue()


def _track(events: bytes) -> bytes:
    return b"MThd" + (6).to_bytes(4) + b"\x00\x00\x00\x01\x00\x60MTrk" + len(events).to_bytes(4) + events


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "archive": _zipped, "track": _track}
# One event of MIDI with its time.
_EVENTS = (
    *(b"\x00\x90\x3c\x40", b"\x30\x90\x40\x40", b"\x30\x40\x00", b"\x60\x80\x3c\x00", b"\x00\xc0\x05"),
    *(b"\x00\xff\x58\x04\x03\x02\x18\x08", b"\x83\x00\xff\x58\x04\x01\x05\x18\x08", b"\x00\xff\x59\x02\x01\x00"),
    *(b"\x00\xf0\x03\x01\x02\xf7", b"\x00\xff\x03\x01x", b"\xff\xff\xff\x7f\x90\x3c\x00", b"\x00\x9f\x7f\x7f"),
)
_TRACK_ENDS = b"\x60\x80\x3c\x00\x00\xff\x2f\x00"
_ELEMENT = re.compile(rb"<(\w[\w-]*)[^>]*>(?:(?!</\1>).)*</\1>|<\w[\w-]*/>", re.DOTALL)

SEEDS: dict[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = {
    "abc": (music.TUNES, (*music.ABC, b"(", b")", b")2", b"A99", b"(A99)", b")99", b":", b"[", b"]", b'"', b"\n")),
    "midi": (music.MIDI, music.MIDI_TOKENS),
    "musicxml": (music.MUSICXML, music.XML_TOKENS),
    "mxl": ((_zipped(music.MUSICXML[0]),), (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"\x00", b"\xff")),
    "kern": (music.KERN, (*music.KERN_TOKENS, b"\t", b"\n", b"[", b"]", b"{", b"}")),
}


def repetition(name: str, seed: int, number: int) -> Repetition:
    """Return the input with a given number."""
    draw = random.Random(f"{seed} {name} repeated {number}")
    container = ""
    if draw.random() < 0.7:
        container = {"mxl": "archive", "midi": "track"}.get(name, "")
    seeds, tokens = SEEDS["musicxml" if container == "archive" else name]
    n_bytes = int(_MIN_BYTES * (MAX_BYTES / _MIN_BYTES) ** (draw.random() ** 2))
    if container == "track":
        fragment = b"".join(draw.choice(_EVENTS) for _ in range(draw.choice((1, 1, 2, 3, 5))))
        first = b"".join(draw.choice(_EVENTS) for _ in range(draw.choice((0, 0, 1, 3))))
        return Repetition(
            first, fragment, b"", b"", b"\x60\x80\x3c\x00\x00\xff\x2f\x00", n_bytes // len(fragment), container
        )
    content = draw.choice(seeds)
    elements = list(_ELEMENT.finditer(content))
    if elements and draw.random() < 0.6:
        element = draw.choice(elements)
        begin, end, fragment = element.start(), element.end(), element[0]
    elif draw.random() < 0.5:
        begin = draw.randrange(len(content))
        fragment = content[begin : begin + draw.choice((1, 2, 4, 16, 64, 256))]
        end = draw.choice((begin, begin, min(begin + len(fragment), len(content))))
        fragment += draw.choice(_SEPARATORS)
    else:
        begin = end = draw.randrange(len(content) + 1)
        fragment = draw.choice(_SEPARATORS).join(draw.choice(tokens) for _ in range(draw.choice((1, 1, 1, 2, 3))))
        fragment += draw.choice(_SEPARATORS)
    closing = draw.choice(tokens) if draw.random() < 0.2 else b""
    n_times = max(1, (n_bytes - len(content)) // len(fragment + closing))
    middle = draw.choice(tokens) if closing else b""
    return Repetition(content[:begin], fragment, middle, closing, content[end:], n_times, container)


@dataclass
class RepeatedOutcome:
    """Results of one format.

    Attributes:
        n_inputs: Inputs so far.
        counts: Inputs by verdict.
        slowest: Processor time of the slowest input, in seconds.
        largest: Peak memory of the reading process, in MB.
        worst: Processor seconds for each kilobyte, with the number of the input; the five largest.
        faults: Descriptions of faults.
    """

    n_inputs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0
    worst: list[tuple[float, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_repeated(name: str, numbers: range, seed: int, reader: ReaderProcess) -> Iterator[RepeatedOutcome]:
    """Read the inputs with these numbers, and yield the results so far after each."""
    outcome = RepeatedOutcome()
    for number in numbers:
        given = repetition(name, seed, number)
        tunes, seconds, megabytes = measured(given, SUFFIXES[name], reader)
        verdict = _verdict(tunes)
        outcome.n_inputs += 1
        outcome.counts[verdict] += 1
        outcome.slowest = max(outcome.slowest, seconds)
        outcome.largest = max(outcome.largest, megabytes)
        if given.n_bytes >= _LEAST_COMPARED:
            heapq.heappush(outcome.worst, (seconds / given.n_bytes * 1000, number))
            if len(outcome.worst) > _N_WORST:
                heapq.heappop(outcome.worst)
        if verdict == "fault":
            outcome.faults.append(f"input {number}: {_reason(tunes)}")
        yield outcome


def measured(
    given: Repetition, suffix: str, reader: ReaderProcess
) -> tuple[list[WrittenTune | DroppedTune], float, float]:
    """Read a file, and return the tunes, the processor time in seconds, and the peak memory in MB."""
    before = _usage(reader)
    tunes = reader.read(given.content(), suffix, "tune")
    after = _usage(reader)
    if before is None or after is None or before[0] != after[0]:
        # The process was started or ended in between.
        is_over = any(isinstance(tune, DroppedTune) and "processor time" in tune.reason for tune in tunes)
        return tunes, reader.bounds.seconds if is_over else 0.0, after[2] if after else 0.0
    return tunes, after[1] - before[1], after[2]


def _usage(reader: ReaderProcess) -> tuple[int, float, float] | None:
    """Return id, processor time in seconds and peak memory in MB of the reading process."""
    process = reader.process_id
    if process is None:
        return None
    seconds = int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    status = Path(f"/proc/{process}/status").read_text()
    return process, seconds, int(status.partition("VmHWM:")[2].split()[0]) / 1000


def _reason(tunes: list[WrittenTune | DroppedTune]) -> str:
    return next((tune.reason for tune in tunes if isinstance(tune, DroppedTune)), "")


def _verdict(tunes: list[WrittenTune | DroppedTune]) -> str:
    reason = _reason(tunes)
    if "ends the process" in reason or reason.startswith("cannot be read: "):
        return "fault"
    for kind in ("processor time", "of memory"):
        if kind in reason:
            return f"over the bound of {kind.removeprefix('of ')}"
    return "refused or dropped" if reason else "read"


def growth(name: str, number: int, seed: int, reader: ReaderProcess) -> str:
    """Describe how the time of an input grows: read it again, and a quarter of it."""
    whole = repetition(name, seed, number)
    part = replace(whole, n_times=max(1, whole.n_times // 4))
    reader.read(part.content(), SUFFIXES[name], "tune")  # starts the process
    _, less, _ = measured(part, SUFFIXES[name], reader)
    _, more, _ = measured(whole, SUFFIXES[name], reader)
    ratio = whole.n_bytes / part.n_bytes
    exponent = math.log(max(more, 1e-6) / max(less, 1e-6)) / math.log(ratio) if ratio > 1 else 0.0
    times = f"{more:.2f} s for {whole.n_bytes / 1000:.0f} kB, {less:.2f} s for {part.n_bytes / 1000:.0f} kB"
    fragment = f"{whole.fragment[:40]!r} {whole.closing[:20]!r}"
    return f"input {number}: {times}, exponent {exponent:.1f}, fragment {fragment}"


def main() -> int:
    """Read the arguments, read the files, and print the results of each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="inputs of each format")
    parser.add_argument("--only", nargs="+", choices=SUFFIXES, default=list(SUFFIXES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    arguments = parser.parse_args()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.default_int_handler)
    n_faults, is_interrupted = 0, False
    numbers = range(arguments.first, arguments.first + arguments.inputs)
    for name in arguments.only:
        began, reported, outcome = time.monotonic(), time.monotonic(), RepeatedOutcome()
        with closed(ReaderProcess(BOUNDS)) as reader:
            try:
                for outcome in read_repeated(name, numbers, arguments.seed, reader):
                    if time.monotonic() > reported + _REPORT_SECONDS:
                        reported = time.monotonic()
                        print(f"  {_line(name, outcome, reported - began)} so far", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                is_interrupted = True
                print(f"interrupted: continue with --first {arguments.first + outcome.n_inputs}", flush=True)
            print(_line(name, outcome, time.monotonic() - began), flush=True)
            for fault in outcome.faults:
                print(f"  {fault}", flush=True)
            for _, number in sorted(outcome.worst, reverse=True):
                print(f"  {growth(name, number, arguments.seed, reader)}", flush=True)
        n_faults += len(outcome.faults)
        if is_interrupted:
            return 130
    return 1 if n_faults else 0


def _line(name: str, outcome: RepeatedOutcome, seconds: float) -> str:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in outcome.counts.most_common())
    return (
        f"{name}: {outcome.n_inputs} inputs: {verdicts}; slowest {outcome.slowest:.2f} s, "
        f"peak {outcome.largest:.0f} MB, {seconds:.0f} s in all"
    )


if __name__ == "__main__":
    sys.exit(main())

"""Time the export of melodies to each format, relative to sampling them.

Run ``OMP_NUM_THREADS=1 python benchmarks/exporting.py``. An untrained LSTM of the default size samples
melodies of sixteen bars of 6/8. Times depend on the machine and its load, so compare the ratios within one run.
``--run outputs/<run>`` times the steps of ``chromasonic generate`` for that run instead: melodies in 6/8 in G without a
limit of bars, in all formats and on a page.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.io.export import FORMATS, render
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.pages.generated_set import GeneratedSet
from chromasonic.melody_generation.pages.listening import listening_page
from chromasonic.melody_generation.runs.trained_model import load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=16, help="number of melodies")
    parser.add_argument("--run", help="a run directory, for which the steps of chromasonic generate are timed")
    options = parser.parse_args()
    count, network = options.count, LSTMNetwork()
    for name in FORMATS:  # libraries are loaded at first use
        render(generate(network, count=1, bars=1)[0], formats=[name])
    if options.run:
        time_generating(options.run, count)
        return
    begin = time.process_time()
    melodies = generate(network, count=count, metre="6/8", bars=16)
    seconds = {"sampling": time.process_time() - begin}
    for name in FORMATS:
        begin = time.process_time()
        sizes = [len(render(melody, formats=[name])[name]) for melody in melodies]
        seconds[f"{name}, {sum(sizes) / count / 1000:.0f} kB each"] = time.process_time() - begin
    table = Table("step", "ms per melody", "ratio to sampling")
    for name, value in seconds.items():
        table.add_row(name, f"{1000 * value / count:.1f}", f"{value / seconds['sampling']:.2f}")
    Console(width=100).print(table)


def time_generating(run: str, count: int) -> None:
    """Print the processor time of each step of ``chromasonic generate``."""
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        seconds[step] = time.process_time() - begin

    with tempfile.TemporaryDirectory() as folder:
        with timed("opening the run"):
            model = load_model(run)
        with timed("sampling"):
            melodies = generate(model, count=count, key="G", metre="6/8", seed=7)
        with timed("scoring"):
            samples = GeneratedSet.of(model, melodies)
        with timed("files of all formats"):
            contents = samples.write(Path(folder))
        with timed("page"):
            listening_page(samples, model, {}, "", contents=contents)
    bars = sum(len(melody.bar_lines) for melody in melodies)
    table = Table("step", "seconds", title=f"{count} melodies, {bars} bars")
    for name, value in {**seconds, "total": sum(seconds.values())}.items():
        table.add_row(name, f"{value:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()

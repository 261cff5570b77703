"""Measure the time to load the real corpora: cold (files present, nothing parsed yet) and warm (from the cache).

Run ``python benchmarks/loading.py``. The cache is a temporary directory; Nottingham's files are those in
``$CHROMASONIC_DATA_DIR/nottingham``, or those downloaded before.
"""

from __future__ import annotations

import os
import tempfile
import time

from rich.console import Console
from rich.table import Table

from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.corpora.corpus import Corpus, CorpusReport
from chromasonic.melody_generation.corpora.folk import FolkCorpus
from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus


def time_reading(corpus: Corpus) -> tuple[float, CorpusReport]:
    """Return the seconds that reading a corpus takes, and the corpus's report."""
    begin = time.perf_counter()
    reading = corpus.read()
    return time.perf_counter() - begin, reading.report


def main() -> None:
    corpora: dict[str, Corpus] = {
        "nottingham, written": NottinghamCorpus(),
        "nottingham, played": NottinghamCorpus(repeats="played"),
        "folk": FolkCorpus(),
    }
    # Only the cache is in a new directory, not the sources.
    os.environ["CHROMASONIC_DATA_DIR"] = str(source_directory("nottingham").parent)
    columns = ("corpus", "tunes", "melodies", "notes", "overruns", "departures", "cold s", "warm s", "ratio")
    table = Table(*columns)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_CACHE_HOME"] = directory
        for name, corpus in corpora.items():
            cold, report = time_reading(corpus)
            warm = min(time_reading(corpus)[0] for _ in range(3))
            counts = (
                report.n_tunes,
                report.n_melodies,
                report.n_notes,
                report.n_overruns,
                report.n_departures,
            )
            table.add_row(name, *map(str, counts), f"{cold:.2f}", f"{warm:.3f}", f"{cold / warm:.0f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

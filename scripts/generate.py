"""Make up melodies: ``python scripts/generate.py run=outputs/<run>``; ``--help`` lists all options."""

from __future__ import annotations

import os

# Threads that wait must sleep: spinning ones slow a busy machine down by an order of magnitude. Torch reads this
# when it is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import shlex
import sys
from pathlib import Path

from chromasonic.commands import start
from chromasonic.options import GenerateOptions

DEFAULTS = Path(__file__).parents[1] / "configs" / "generate.yaml"


def run(options: GenerateOptions) -> None:
    """Make up melodies, judge them, write them, and say what they are."""
    from chromasonic.melody_generation.generation import generate
    from chromasonic.melody_generation.listening import listening_page, settings_facts
    from chromasonic.melody_generation.rendering.export import check_folder, check_formats
    from chromasonic.melody_generation.rendering.tempo import check_tempo
    from chromasonic.melody_generation.report import print_songbook
    from chromasonic.melody_generation.runs import open_model
    from chromasonic.melody_generation.songbook import Songbook, corpus_of, read_primer
    from chromasonic.melody_generation.whole_files import write_text

    # What can be refused at once is, before anything is made.
    formats = [options.formats] if isinstance(options.formats, str) else options.formats
    check_formats(formats)
    if options.tempo is not None:
        check_tempo(options.tempo)
    model = open_model(options.run)
    folder = Path(options.output_dir) if options.output_dir is not None else model.directory / "melodies"
    check_folder(folder)
    primer = None if options.primer is None else read_primer(options.primer, options.primer_notes)

    melodies = generate(
        model.network,
        options.count,
        key=options.key,
        mode=options.mode,
        metre=options.metre,
        upbeat=options.upbeat,
        bars=options.bars,
        notes=options.notes,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        min_p=options.min_p,
        primer=primer,
        primer_notes=options.primer_notes,
        seed=options.seed,
        corpus=options.corpus or corpus_of(model),
        max_notes=options.max_notes,
    )
    title = f"After {primer.title}," if primer and primer.title else "Melody"
    songbook = Songbook.of(model, melodies, title)
    songbook.write(folder, tempo=options.tempo, formats=formats)
    page = folder / "index.html"
    made = settings_facts(options.model_dump())
    command = shlex.join(["python", "scripts/generate.py", *sys.argv[1:]])
    html = listening_page(songbook.judged, model, made, command, songbook.stems, options.tempo)
    write_text(page, html)
    print_songbook(songbook, {"Melodies": folder, "Listen": page})


if __name__ == "__main__":
    start(run, DEFAULTS, GenerateOptions, sys.argv[1:])

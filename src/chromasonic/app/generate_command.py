"""Make up melodies: ``python scripts/generate.py run=outputs/<run>``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.app.launch import start
from chromasonic.config.command_options import GenerateOptions
from chromasonic.config.location import configs_directory

if TYPE_CHECKING:
    from chromasonic.melody_generation.melody import Melody
    from chromasonic.melody_generation.runs.trained_model import TrainedModel


def run(options: GenerateOptions, typed: Sequence[str]) -> None:
    """Make up melodies, judge them, write them, and say what they are."""
    from chromasonic.melody_generation.atomic_files import write_text
    from chromasonic.melody_generation.generation.conditions import unheard
    from chromasonic.melody_generation.io.export import check_folder, check_formats
    from chromasonic.melody_generation.notation.tempo import check_tempo
    from chromasonic.melody_generation.pages.generated_set import GeneratedSet, read_primer
    from chromasonic.melody_generation.pages.listening import listening_page, settings_facts
    from chromasonic.melody_generation.reporting.terminal import print_generated_set, print_remark, progress_of
    from chromasonic.melody_generation.runs.command_line import generating_command
    from chromasonic.melody_generation.runs.layout import LISTENING_PAGE, RunLayout
    from chromasonic.melody_generation.runs.trained_model import load_model

    # What can be refused at once is, before anything is made.
    formats = [options.formats] if isinstance(options.formats, str) else options.formats
    check_formats(formats)
    if options.tempo is not None:
        check_tempo(options.tempo)
    model = load_model(options.run)
    folder = Path(options.output_dir or RunLayout(model.directory or Path()).melodies)
    check_folder(folder)
    primer = None if options.primer is None else read_primer(options.primer, options.primer_notes)
    if primer and primer.n_rounded:
        print_remark(
            f"of the primer the lengths of {primer.n_rounded} notes were rounded to such as melodies are made of"
        )

    melodies = made_up(options, model, primer.melody if primer else None)
    if said := unheard(model.tunes.get("train", ()), melodies[0]):
        print_remark(said)
    title = f"After {primer.melody.title}," if primer and primer.melody.title else "Melody"
    is_open = options.bars is None and options.notes is None
    songbook = GeneratedSet.of(model, melodies, title, options.max_notes if is_open else None)
    with progress_of("writing melodies", len(melodies)) as on_written:
        contents = songbook.write(folder, tempo=options.tempo, formats=formats, on_written=on_written)
    page = folder / LISTENING_PAGE
    made, command = settings_facts(options.model_dump()), generating_command(typed)
    html = listening_page(songbook.judged, model, made, command, songbook.stems, options.tempo, contents)
    write_text(page, html)
    print_generated_set(songbook, {"Melodies": folder, "Listen": page})


def made_up(options: GenerateOptions, model: TrainedModel, primer: Melody | None) -> list[Melody]:
    """The melodies that were asked for; one where all would be the same."""
    from chromasonic.melody_generation.generation.generate import generate
    from chromasonic.melody_generation.generation.sampling import Sampling
    from chromasonic.melody_generation.reporting.terminal import print_remark, waiting_for

    count = options.count
    if count > 1 and Sampling(options.temperature, options.top_k).is_greedy:
        print_remark(
            f"without chance all {count} melodies would be the same (temperature=0 or top_k=1): here is the one"
        )
        count = 1
    with waiting_for(f"making up {count} melodies"):
        return generate(
            model,
            count,
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
            corpus=options.corpus,
            max_notes=options.max_notes,
        )


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(partial(run, typed=arguments), configs_directory() / "generate.yaml", GenerateOptions, arguments)

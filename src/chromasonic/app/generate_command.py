"""Generate melodies: ``chromasonic generate``, or with ``run=outputs/<run>``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.app.launch import start
from chromasonic.config.command_options import GenerateCommandOptions, GenerateOptions
from chromasonic.config.location import configs_directory

if TYPE_CHECKING:
    from chromasonic.melody_generation.generation.best_draws import DrawnMelodies
    from chromasonic.melody_generation.generation.generation_config import GenerationConfig
    from chromasonic.melody_generation.melody import Melody
    from chromasonic.melody_generation.runs.trained_model import TrainedModel


def run(options: GenerateCommandOptions, typed: Sequence[str]) -> None:
    """Generate melodies, score them, write them with a page, and print a table."""
    config = options.generation_config()  # values are checked before heavy libraries are imported
    from chromasonic.melody_generation.atomic_files import replaced_together, write_text
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.generation.beginnings import n_notes_taken
    from chromasonic.melody_generation.generation.conditions import unfamiliar_conditions
    from chromasonic.melody_generation.generation.primer import read_primer
    from chromasonic.melody_generation.harmony.harmonise import harmonise
    from chromasonic.melody_generation.io.bundle import ARCHIVE, TUNEBOOK
    from chromasonic.melody_generation.io.export import check_folder, check_rendering
    from chromasonic.melody_generation.pages.generated_set import GeneratedSet
    from chromasonic.melody_generation.pages.listening import listening_page, settings_facts
    from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar
    from chromasonic.melody_generation.reporting.terminal import print_generated_set, print_remark
    from chromasonic.melody_generation.runs.command_line import generating_command
    from chromasonic.melody_generation.runs.directory_lock import lock_directory, refuse_links
    from chromasonic.melody_generation.runs.layout import LISTENING_PAGE, RunLayout

    # Everything that can be refused is checked before anything is generated.
    formats = [options.formats] if isinstance(options.formats, str) else options.formats
    check_rendering(formats, options.tempo, options.instrument)
    model = _load(options.run)
    default = RunLayout(model.directory or Path()).melodies
    folder = Path(options.output_dir or default)
    check_folder(folder)
    if folder == default:  # as a folder of the run, it must not lead elsewhere
        refuse_links(default.parent, [default.name])
    if options.primer is not None and Path(options.primer).resolve() == (folder / TUNEBOOK).resolve():
        raise InputError(f"primer={options.primer} would be replaced by the melodies: name another output_dir")
    primer = None if options.primer is None else read_primer(options.primer, config.primer_notes)
    if primer and primer.n_rounded:
        print_remark(f"the durations of {primer.n_rounded} notes of the primer were rounded to those of the vocabulary")

    drawn = generate_melodies(model, config, primer.melody if primer else None)
    melodies = [harmonise(melody) for melody in drawn.melodies] if options.chords else drawn.melodies
    if remark := unfamiliar_conditions(model.tunes.get("train", ()), melodies[0]):
        print_remark(remark)
    title = "Melody"
    if primer and primer.melody.title:
        title = f"{primer.melody.title}, varied" if config.is_rewriting else f"After {primer.melody.title},"
    is_continued = primer is not None and not config.is_rewriting and not config.without_primer
    generated = GeneratedSet.of(
        model,
        melodies,
        title,
        max_notes=config.max_notes if config.is_open_ended else None,
        n_given=n_notes_taken(config, primer.melody) if primer and is_continued else 0,
        drawn=drawn,
    )
    page = folder / LISTENING_PAGE
    settings, command = settings_facts(config, options.primer), generating_command(typed)
    with lock_directory(folder, "writing melodies"):
        bar = TerminalBar(Terminal.for_errors(), "writing melodies", len(melodies))
        with replaced_together(journal_folder=folder), bar:
            contents = generated.write(
                folder,
                tempo=options.tempo,
                instrument=options.instrument,
                formats=formats,
                on_written=bar.advance,
                has_bundle=True,
            )
            write_text(
                page, listening_page(generated, model, settings, command, options.tempo, contents, options.instrument)
            )
    print_generated_set(generated, {"Melodies": folder, "All as ZIP": folder / ARCHIVE, "Listen": page})


def _load(run: str) -> TrainedModel:
    """Load the model, and say which one it is if none was named."""
    from chromasonic.melody_generation.reporting.terminal import print_remark
    from chromasonic.melody_generation.runs.shipped.pretrained import introduction, is_pretrained
    from chromasonic.melody_generation.runs.trained_model import load_model

    model = load_model(run)
    if is_pretrained(run):
        print_remark(introduction(model.metadata.lineage.sources))
    return model


def generate_melodies(model: TrainedModel, config: GenerationConfig, primer: Melody | None) -> DrawnMelodies:
    """Return the melodies that were asked for, or one if greedy sampling would make all of them the same."""
    from chromasonic.melody_generation.generation.generate import draw_melodies
    from chromasonic.melody_generation.printing.terminal_output import Terminal
    from chromasonic.melody_generation.reporting.terminal import print_remark

    if config.count > 1 and config.is_greedy and config.vary is None:  # which bars vary is random
        print_remark(
            f"greedy sampling (temperature=0 or top_k=1) gives the same melody {config.count} times, here it is once"
        )
        config = replace(config, count=1)
    with Terminal.for_errors().waiting_for(f"generating {config.n_draws} melodies"):
        return draw_melodies(model, config, primer)


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(partial(run, typed=arguments), configs_directory() / "generate.yaml", GenerateOptions, arguments)

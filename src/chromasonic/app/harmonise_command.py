"""Give melodies chords: ``chromasonic harmonise melodies=my_tune.abc``; ``--help`` lists all options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from chromasonic.app.launch import start
from chromasonic.config.command_options import HarmoniseOptions
from chromasonic.config.location import configs_directory


def run(options: HarmoniseOptions, typed: Sequence[str]) -> None:
    """Read melodies, give them chords, write them with a page, and print a table."""
    from chromasonic.melody_generation.atomic_files import replaced_together, write_text
    from chromasonic.melody_generation.corpora.files import read_music
    from chromasonic.melody_generation.io.export import check_folder, check_rendering
    from chromasonic.melody_generation.pages.harmonised_set import HarmonisedSet, harmonised_page
    from chromasonic.melody_generation.printing.terminal_output import Terminal, TerminalBar
    from chromasonic.melody_generation.reporting.terminal import print_harmonised_set
    from chromasonic.melody_generation.runs.command_line import harmonising_command
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import LISTENING_PAGE

    formats = [options.formats] if isinstance(options.formats, str) else options.formats
    check_rendering(formats, options.tempo, options.instrument)
    folder, melodies = Path(options.output_dir), Path(options.melodies)
    check_folder(folder)
    harmonised = HarmonisedSet.of(read_music(melodies), melodies)
    page = folder / LISTENING_PAGE
    with lock_directory(folder, "writing melodies"):
        bar = TerminalBar(Terminal.for_errors(), "writing melodies", len(harmonised.written.melodies))
        with replaced_together(journal_folder=folder), bar:
            contents = harmonised.written.write(
                folder, tempo=options.tempo, instrument=options.instrument, formats=formats, on_written=bar.advance
            )
            write_text(
                page,
                harmonised_page(harmonised, harmonising_command(typed), options.tempo, contents, options.instrument),
            )
    print_harmonised_set(harmonised, {"Melodies": folder, "Listen": page})


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(partial(run, typed=arguments), configs_directory() / "harmonise.yaml", HarmoniseOptions, arguments)

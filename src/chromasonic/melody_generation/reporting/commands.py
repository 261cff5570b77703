"""The commands that repeat an evaluation or a comparison, as reports show them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import EvaluationRecord
from chromasonic.melody_generation.printing.printable_text import printable
from chromasonic.melody_generation.runs.command_line import path_option, paths_option, shell_command, training_command


def evaluation_command(record: EvaluationRecord, directory: Path | None) -> str:
    """Return the commands that train a run and evaluate it; a line of Python for a network that is from no run."""
    settings = record.samples.settings
    if directory is None:
        return (
            f"ModelTester(model, {json.dumps(printable(record.model), ensure_ascii=False)}).run_comprehensive_test("
            f"test_data, n_samples={settings.n_samples}, seed={settings.seed})"
        )
    evaluate = shell_command("chromasonic", "evaluate", path_option("run", directory), *settings.options())
    return "\n".join([*_training_lines(record, directory), evaluate])


def comparison_command(
    records: Mapping[Path, EvaluationRecord],
    directories: Sequence[Path],
    save_dir: Path,
    settings: SampleSettings | None,
) -> str:
    """Return the commands that train runs and compare them.

    Args:
        records: The evaluations of the runs that are compared, by directory.
        directories: All runs.
        save_dir: Directory of the comparison.
        settings: Settings of the samples; None if each run keeps its own.
    """
    training = [line for directory, record in records.items() for line in _training_lines(record, directory)]
    options = [paths_option("runs", directories), path_option("output_dir", save_dir)]
    options += settings.options() if settings else []
    return "\n".join([*training, shell_command("chromasonic", "compare", *options)])


def surprisal_command(directory: Path, numbers: Sequence[int]) -> str:
    """Return the command that draws the surprisal of test tunes, counted from 1."""
    listed = f"[{','.join(map(str, numbers))}]"
    return shell_command("chromasonic", "evaluate", path_option("run", directory), f"surprise={listed}")


def _training_lines(record: EvaluationRecord, directory: Path) -> list[str]:
    """Return the command that trains a run; nothing if its configuration is not known."""
    configuration = record.configuration
    if not configuration:
        return []
    return [f"{training_command(configuration)} {shell_command(path_option('output_dir', directory))}"]

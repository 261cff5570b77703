"""Make a listening test from trained runs, and report what its judges have answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import replaced_together, write_json, write_text
from chromasonic.melody_generation.data.splits import test_set_hash
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.listening_test.answer_key import REAL, TuneSource, read_key
from chromasonic.melody_generation.evaluation.listening_test.answers import read_answers
from chromasonic.melody_generation.evaluation.listening_test.judgements import Judgements, judgements_of
from chromasonic.melody_generation.evaluation.listening_test.listening_set import ListeningTest
from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import MatchedSet, match_tunes
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.pages.listening_test_page import listening_test_page
from chromasonic.melody_generation.pages.tables import markdown
from chromasonic.melody_generation.printing.terminal_output import Terminal
from chromasonic.melody_generation.reporting.listening_test_tables import listening_test_tables
from chromasonic.melody_generation.runs.layout import ListeningTestLayout
from chromasonic.melody_generation.runs.sweep import name_directories
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_run


def make_listening_test(
    runs: Sequence[Path], n_sets: int, config: GenerationConfig, *, has_real: bool = True
) -> tuple[ListeningTest, list[MatchedSet]]:
    """Make a test of tunes of each run, and of held-out real tunes of their split.

    Args:
        runs: Run directories.
        n_sets: The number of tunes of each source.
        config: The choice of tokens, and the seed.
        has_real: Whether real tunes take part; the made ones match them in any case.

    Returns:
        The test, and the sets of tunes that it was made of.

    Raises:
        InputError: If a run cannot be read, the runs have different test tunes, or these are too few.
    """
    runs = list(dict.fromkeys(runs))
    models = [load_run(run) for run in runs]
    test = models[0].tunes["test"]
    hashes = [test_set_hash(model.tunes["test"]) for model in models]
    for run, hash_of_run in zip(runs, hashes, strict=True):
        if hash_of_run != hashes[0]:
            raise InputError(
                f"{run} has other test tunes than {runs[0]}, which it may have learned from: make a test for each"
            )
    with Terminal.for_errors().waiting_for("sampling tunes of the same keys, metres and lengths"):
        sets = match_tunes(models, test, n_sets, config)
    sources = _sources(runs, models)
    return ListeningTest.of(sets, sources if has_real else sources[1:], config.seed, hashes[0]), sets


def _sources(runs: Sequence[Path], models: Sequence[TrainedModel]) -> list[TuneSource]:
    """Return real tunes and the runs as sources, with names that differ."""
    names = name_directories([run.absolute() for run in runs])
    named = [
        (f"run {name}" if name == REAL else name, model)
        for name, model in ((names[run.absolute()], model) for run, model in zip(runs, models, strict=True))
    ]
    return [TuneSource(REAL, is_real=True), *(TuneSource(name, False, model.digest) for name, model in named)]


def check_no_other_test(layout: ListeningTestLayout, test: ListeningTest) -> None:
    """Raise if a folder holds the key of another test, without which answers to that could no longer be read.

    Raises:
        InputError: If it does.
    """
    if layout.key.exists() and read_key(layout.key).test_id != test.key.test_id:
        raise InputError(
            f"{layout.key} is the key of another test, whose answers could not be read without it: name another "
            "output_dir, or remove it"
        )


def write_listening_test(test: ListeningTest, layout: ListeningTestLayout, title: str) -> None:
    """Write the page, the tunes as one ABC file, and the key."""
    page, abc = listening_test_page(test, title), test.to_abc()
    with replaced_together(journal_folder=layout.directory):
        write_text(layout.page, page)
        write_text(layout.tunes, abc)
        write_json(layout.key, test.key.to_json())


def report_judgements(
    answers: Path, key: Path, output_dir: Path, *, incomplete: bool = False, seed: int = 0
) -> Judgements:
    """Read the answers of judges, and write what they show as JSON and Markdown.

    Args:
        answers: A folder of files, or one file.
        key: The key of the test.
        output_dir: The folder of the results.
        incomplete: Whether judges who have not answered everything count as well.
        seed: Seed of the resampling.

    Raises:
        InputError: If the key cannot be read, or no file of answers can be counted.
    """
    layout = ListeningTestLayout(output_dir)
    own = (key, layout.judgements, ListeningTestLayout(key.parent).judgements)
    answer_key = read_key(key)
    judgements = judgements_of(
        read_answers(answers, answer_key, incomplete=incomplete, ignored=own), answer_key, seed=seed
    )
    tables = [markdown(table) for table in listening_test_tables(judgements)]
    with replaced_together(journal_folder=output_dir):
        write_json(layout.judgements, judgements.to_json())
        write_text(layout.judgement_tables, "\n".join(["# Listening test", "", *tables]))
    return judgements

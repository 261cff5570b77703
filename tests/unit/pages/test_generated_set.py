from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from tests.small_networks import small_lstm, walks
from torch.optim import AdamW

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.measures.calibration import fit_if_enough
from chromasonic.melody_generation.melody import Melody, Metre
from chromasonic.melody_generation.pages import generated_set as generated_set_module
from chromasonic.melody_generation.pages.generated_set import MOST_ON_PAGE, GeneratedSet, generated_set_table
from chromasonic.melody_generation.pages.listening import listening_page
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.split_tunes import save_split_tunes
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_model, load_run
from chromasonic.melody_generation.training.fit import fit, run_callbacks
from chromasonic.melody_generation.training.lightning_module import MelodyModule

TUNE = Melody([62, 66, 69, 74, 73, 69], [12, 24, 12, 24, 12, 48], Metre(6, 8), 60, tonic=2, title="A jig")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch on synthetic tunes."""
    import lightning as L

    folder = tmp_path_factory.mktemp("runs") / "run"
    data = MelodyDataModule(SyntheticCorpus(num_sequences=60), batch_size=16)
    data.setup()
    files = RunLayout(folder).checkpoints_of("lstm")
    metadata = ModelMetadata(
        dataset="synthetic",
        test_set_hash=data.test_set_hash,
        corpus="synthetic",
        calibration=fit_if_enough(data.melodies["train"]),
    )
    trainer = L.Trainer(
        max_epochs=1,
        callbacks=run_callbacks(files, metadata),
        logger=False,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    fit(MelodyModule(small_lstm(), partial(AdamW, lr=0.01)), data, trainer, files)
    save_split_tunes(RunLayout(folder).tunes, data.melodies)
    return folder


@pytest.fixture(scope="module")
def run(directory: Path) -> TrainedModel:
    return load_model(directory)


def test_melodies_are_named_scored_and_written(run: TrainedModel, tmp_path: Path) -> None:
    melodies = generate(run, count=3, bars=4)
    generated = GeneratedSet.of(run, melodies)
    assert generated.stems == ("melody_01", "melody_02", "melody_03")
    assert [melody.title for melody in generated.melodies] == ["Melody 1", "Melody 2", "Melody 3"]
    assert [melody.pitches.tolist() for melody in generated.melodies] == [
        melody.pitches.tolist() for melody in melodies
    ]
    assert generated.scored.scores is not None
    assert len(generated.scored.scores.overall) == 3
    calls: list[None] = []
    contents = generated.write(tmp_path, formats=["abc", "wav"], on_written=lambda: calls.append(None))
    assert {path.name for path in tmp_path.iterdir()} == {f"{s}.{e}" for s in generated.stems for e in ("abc", "wav")}
    # A page holds the written files, without the sound.
    assert list(contents) == [{"abc": (tmp_path / f"{stem}.abc").read_bytes()} for stem in generated.stems]
    assert len(calls) == 3


def test_melody_files_of_an_earlier_call_are_removed(run: TrainedModel, tmp_path: Path) -> None:
    GeneratedSet.of(run, [TUNE] * 16).write(tmp_path, formats=["midi", "abc"])
    unrelated = {"melody.mid", "melody_x.mid", "my_melody_01.mid", "melody_01.txt", "melody_1.mid", "after_1_01.abc"}
    for name in unrelated:
        (tmp_path / name).write_text("mine")
    (tmp_path / "melody_99.abc").mkdir()
    GeneratedSet.of(run, [TUNE] * 2).write(tmp_path, formats=["abc"])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == unrelated | {"melody_01.abc", "melody_02.abc", "melody_99.abc"}


def test_earlier_files_stay_if_rendering_fails(
    run: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    GeneratedSet.of(run, [TUNE] * 4).write(tmp_path, formats=["midi"])
    before = {path.name for path in tmp_path.iterdir()}

    def fail(*arguments: object, **named: object) -> NoReturn:
        raise InputError("it cannot be written")

    monkeypatch.setattr(generated_set_module, "render", fail)
    with pytest.raises(InputError):
        GeneratedSet.of(run, [TUNE]).write(tmp_path, formats=["abc"])
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.slow
def test_a_page_shows_the_first_48_of_many_melodies(run: TrainedModel, tmp_path: Path) -> None:
    generated = GeneratedSet.of(run, [Melody([60, 62], [24, 24])] * (MOST_ON_PAGE + 1))
    contents = generated.write(tmp_path, formats=["abc"])
    assert len(contents) == MOST_ON_PAGE
    html = listening_page(generated, run, {}, "", contents=contents)
    assert html.count("<article") == MOST_ON_PAGE
    assert "The first 48 of 49: the others are files in the same folder." in html
    assert "49 melodies by" in html


def test_the_table_counts_the_melodies_that_the_model_did_not_end(run: TrainedModel) -> None:
    long = Melody([60] * 12, [24] * 12)
    assert "1 of 2 did not end within 12 notes" in generated_set_table(GeneratedSet.of(run, [TUNE, long], "x", 12)).note
    assert "did not end" not in generated_set_table(GeneratedSet.of(run, [TUNE, long], "x", 13)).note
    assert "did not end" not in generated_set_table(GeneratedSet.of(run, [TUNE, long])).note


def test_a_run_without_its_tunes_is_scored_by_the_calibration_of_its_checkpoint(
    directory: Path, tmp_path: Path
) -> None:
    bare = Path(shutil.copytree(directory, tmp_path / "bare"))
    RunLayout(bare).tunes.unlink()
    for path in (bare, bare / "lstm_checkpoints" / "melody_lstm_best.pt"):
        opened = load_model(path)
        assert opened.directory == bare
        generated = GeneratedSet.of(opened, walks(2))
        assert generated.scored.scores is not None
        assert "Copying is not measured" in generated_set_table(generated).note
    with pytest.raises(InputError, match=r"tunes.npz cannot be read"):
        load_run(bare)


def test_a_folder_of_checkpoints_is_refused_as_a_run(directory: Path) -> None:
    with pytest.raises(
        InputError, match=r"lstm_checkpoints is no run directory, it holds checkpoints: name one .*\.pt"
    ):
        load_model(directory / "lstm_checkpoints")


def test_a_thousand_melodies_stay_in_order() -> None:
    run = TrainedModel(small_lstm())
    assert GeneratedSet.of(run, [TUNE] * 1000).stems[:2] == ("melody_0001", "melody_0002")


@pytest.mark.parametrize(
    ("title", "stem"), [("After ../../etc,", "after_etc_1"), ("漢字", "melody_1"), ("CON", "con__1")]
)
def test_stems_are_safe_whatever_the_title(title: str, stem: str) -> None:
    run = TrainedModel(small_lstm())
    assert GeneratedSet.of(run, [TUNE], title).stems == (stem.replace("_1", "_01"),)


def test_the_table_lists_the_melodies_and_the_score_of_real_tunes(run: TrainedModel) -> None:
    copied = next(tune for tune in run.tunes["train"] if len(tune) > 20)
    table = generated_set_table(GeneratedSet.of(run, [copied, TUNE]))
    assert table.columns == ("file", "bars", "notes", "typicality", "notes in a row from a training tune")
    assert table.rows[0][:3] == ("melody_01", str(len(copied.bar_lines)), str(int((copied.pitches >= 0).sum())))
    assert table.rows[0][4].startswith(f"{int((copied.pitches >= 0).sum())} of ")
    assert "Held-out real tunes score 0." in table.note
    assert "notes in a row with a training tune" in table.note


def test_a_checkpoint_in_its_run_has_the_tunes(directory: Path) -> None:
    inside = load_model(directory / "lstm_checkpoints" / "melody_lstm_final.pt")
    assert inside.directory == directory
    assert GeneratedSet.of(inside, [TUNE]).scored.reference is not None


def test_a_copied_checkpoint_is_scored_by_its_calibration(directory: Path, tmp_path: Path) -> None:
    alone = load_model(shutil.copy(directory / "lstm_checkpoints" / "melody_lstm_best.pt", tmp_path / "alone.pt"))
    assert alone.directory == tmp_path
    generated = GeneratedSet.of(alone, walks(2))
    assert generated.scored.scores is not None
    assert generated.scored.reference is None
    assert generated_set_table(generated).columns == ("file", "bars", "notes", "typicality")
    assert alone.corpus == "synthetic"


def test_without_a_calibration_there_are_no_scores() -> None:
    run = TrainedModel(small_lstm())
    table = generated_set_table(GeneratedSet.of(run, [TUNE]))
    assert table.columns == ("file", "bars", "notes")
    assert "not defined" in table.note


@pytest.mark.parametrize("trained", [True, False])
def test_greedy_melodies_end_and_sound(trained: bool, run: TrainedModel) -> None:
    network = run.network if trained else small_lstm()
    [melody] = generate(network, count=1, temperature=0, max_notes=40)
    assert 0 < len(melody) < 400
    assert np.any(melody.pitches >= 0)

"""The commands evaluate and compare: the files and lines that they write, and the input that they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.atomic_files import FilesTogether
from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.evaluation.records import read_evaluation
from chromasonic.melody_generation.io.write_midi import to_midi
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.reporting.run_evaluation import evaluate_run
from chromasonic.melody_generation.runs.directory_lock import lock_directory
from tests.running import QUIET, ROOT, Ending, run_script

pytestmark = pytest.mark.slow
Run = Callable[..., Ending]
FEW = ("n_samples=2", "max_notes=24")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a script in this process."""

    def run_it(name: str, *arguments: str) -> Ending:
        return run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / name)

    return run_it


@pytest.fixture(scope="module")
def runs(trained_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on the same tunes and one on others; no test changes them."""
    folder = tmp_path_factory.mktemp("runs")
    for name, *overrides in (
        ("markov", "model=markov"),
        ("ppm", "model=ppm"),
        ("other", "model=markov", "dataset.split_seed=5"),
    ):
        shutil.copytree(trained_run(*QUIET, *overrides), folder / name)
    return folder


@pytest.fixture
def copied(runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs / "markov", tmp_path / "copied"))


def show_refused(ending: Ending, *words: str) -> None:
    assert ending.code == 1
    assert "Traceback" not in ending.err
    assert len(ending.err.strip().splitlines()) == 1, ending.err
    for word in words:
        assert word in ending.err, ending.err


def test_evaluate_writes_and_prints_the_scores(run: Run, copied: Path) -> None:
    trained = json.loads((copied / "evaluation/results.json").read_text())
    ended = run("evaluate.py", f"run={copied}", *FEW)
    assert ended.code == 0, ended.err
    results = json.loads((copied / "evaluation/results.json").read_text())
    # What training measured, token by token or in batches, is the same.
    assert results["test"]["bits_per_note"] == pytest.approx(trained["test"]["bits_per_note"], rel=1e-5)
    assert results["test"]["accuracy"] == pytest.approx(trained["test"]["accuracy"])
    for key in ("validation", "best_epoch", "hash", "seed", "configuration", "test_set_hash"):
        assert results[key] == trained[key], key
    for word in ("bits per note", "perplexity", "real tunes", "Copying", "Most copied", "results.json", "report.html"):
        assert word in ended.out, ended.out
    report = (copied / "evaluation/report.html").read_text(encoding="utf-8")
    for words in (
        "markov on synthetic",
        "Learning curves",
        "chromasonic train model=markov",
        results["hash"],
        "split_seed",
    ):
        assert words in report, words
    assert report.count("<article") == 2 + 2 + 3


def test_a_run_directory_is_enough_for_an_evaluation(
    run: Run, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No corpus is read again, wherever the run lies."""
    from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus

    def refuse(self: SyntheticCorpus) -> None:
        raise AssertionError("the corpus was read")

    monkeypatch.setattr(SyntheticCorpus, "read", refuse)
    monkeypatch.setattr(SyntheticCorpus, "load", refuse)
    assert run("evaluate.py", f"run={copied.rename(tmp_path / 'elsewhere')}", *FEW).code == 0


def test_compare_evaluates_every_run_once(run: Run, runs: Path, tmp_path: Path) -> None:
    for name in ("markov", "ppm"):
        shutil.copytree(runs / name, tmp_path / name)
    command = ("compare.py", f"runs=[{tmp_path / 'markov'},{tmp_path / 'ppm'}]", *FEW, f"output_dir={tmp_path / 'out'}")
    ended = run(*command)
    assert ended.code == 0, ended.err
    for word in ("ppm less markov", "real tunes", "model_comparison.md", "model_comparison.png", "report.html"):
        assert word in ended.out, ended.out
    report = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    for words in (
        "Learning curves: ppm",
        "Configuration: markov",
        "chromasonic train model=ppm",
        "chromasonic compare",
        "Tune by tune",
    ):
        assert words in report, words
    assert report.count("<article") == 2 + 2 + 2
    results = tmp_path / "ppm/evaluation/results.json"
    when = results.stat().st_mtime_ns
    assert run(*command).code == 0
    assert results.stat().st_mtime_ns == when
    # Without options for samples, each run keeps its own.
    assert run(*(option for option in command if option not in FEW)).code == 0
    assert results.stat().st_mtime_ns == when
    assert run(*command, "seed=3").code == 0
    assert results.stat().st_mtime_ns > when
    comparison = json.loads((tmp_path / "out/model_comparison.json").read_text())
    assert comparison["models"].keys() == {"markov", "ppm"}
    assert comparison["models"]["ppm"]["runs"][0]["hash"] == json.loads((runs / "ppm/split.json").read_text())["hash"]


def test_a_run_copied_without_its_samples_is_compared(run: Run, copied: Path, tmp_path: Path) -> None:
    command = ("compare.py", f"runs={copied}", *FEW, f"output_dir={tmp_path / 'out'}")
    assert run(*command).code == 0
    (copied / "evaluation/samples.npz").unlink()
    next(copied.glob("*_checkpoints/*_history.json")).unlink()
    assert run(*command).code == 0
    report = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert report.count("<article") == 2  # the real tunes
    assert "Learning curves" not in report


def test_a_folder_of_runs_is_compared_as_a_sweep(run: Run, runs: Path, tmp_path: Path) -> None:
    for place, name in enumerate(("markov", "ppm")):
        shutil.copytree(runs / name, tmp_path / f"{place}_{name}")
    assert run("compare.py", f"runs={tmp_path}", *FEW).code == 0
    assert (tmp_path / "comparison_results/model_comparison.json").is_file()


def test_runs_with_damaged_or_old_results_are_evaluated_again(run: Run, copied: Path) -> None:
    path = copied / "evaluation/results.json"
    assert run("evaluate.py", f"run={copied}", *FEW).code == 0
    good = json.loads(path.read_text())
    for broken in ("{", json.dumps(good | {"version": 0}), json.dumps(good | {"version": 2})):
        path.write_text(broken)
        ended = run("compare.py", f"runs={copied}", *FEW, f"output_dir={copied.parent / 'out'}")
        assert ended.code == 0, ended.err
        assert json.loads(path.read_text())["scores"] == good["scores"]


def test_an_evaluation_beside_a_file_of_another_one_is_made_again(run: Run, copied: Path) -> None:
    folder = copied / "evaluation"
    assert run("evaluate.py", f"run={copied}", *FEW).code == 0
    results, whole = json.loads((folder / "results.json").read_text()), (folder / "samples.npz").read_bytes()
    assert results["files"].keys() == {"samples.npz", "scores.md", "report.html", "diagnosis.png"}
    (folder / "samples.npz").write_bytes(b"of another evaluation")
    assert read_evaluation(copied) is None
    compare = ("compare.py", f"runs={copied}", *FEW, f"output_dir={copied.parent / 'out'}")
    assert run(*compare).code == 0
    assert (folder / "samples.npz").read_bytes() == whole
    (folder / "samples.npz").unlink()  # as in a run that was copied without it
    assert read_evaluation(copied) is not None


def test_an_evaluation_of_an_earlier_version_gets_digests_before_it_is_replaced(
    run: Run, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied / "evaluation/results.json"
    assert run("evaluate.py", f"run={copied}", *FEW).code == 0
    values = json.loads(path.read_text())
    files = values.pop("files")
    path.write_text(json.dumps(values))
    assert read_evaluation(copied) is not None

    def fail(files: FilesTogether, journal_folder: Path | None) -> None:
        del files, journal_folder
        raise KeyboardInterrupt

    monkeypatch.setattr(FilesTogether, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(copied, force=True)
    assert json.loads(path.read_text())["files"] == files


def test_two_programs_do_not_evaluate_a_run_at_once(run: Run, copied: Path) -> None:
    with lock_directory(copied / "evaluation", "evaluating"):
        show_refused(run("evaluate.py", f"run={copied}", *FEW), "another program is evaluating in")
    with lock_directory(copied.parent / "out", "comparing"):
        ended = run("compare.py", f"runs={copied}", *FEW, f"output_dir={copied.parent / 'out'}")
    show_refused(ended, "another program is comparing in")


def test_the_same_run_twice_is_one(run: Run, runs: Path, tmp_path: Path) -> None:
    twice = f"runs=[{runs / 'ppm'},{runs / 'ppm'}/,{runs / 'markov'}]"
    assert run("compare.py", twice, *FEW, f"output_dir={tmp_path}").code == 0
    comparison = json.loads((tmp_path / "model_comparison.json").read_text())
    assert {name: model["n_runs"] for name, model in comparison["models"].items()} == {"ppm": 1, "markov": 1}


def test_jobs_of_the_same_name_in_two_sweeps_have_different_names(run: Run, runs: Path, tmp_path: Path) -> None:
    from chromasonic.melody_generation.atomic_files import write_json
    from chromasonic.melody_generation.runs.layout import SweepLayout

    for sweep, name in (("first", "ppm"), ("second", "markov")):
        shutil.copytree(runs / name, tmp_path / sweep / "0_lstm")
    write_json(SweepLayout(tmp_path / "first").job("0_lstm"), {"status": "failed", "reason": "no memory"})
    sweeps = f"runs=[{tmp_path / 'first'},{tmp_path / 'second'}]"
    assert run("compare.py", sweeps, *FEW, f"output_dir={tmp_path / 'out'}").code == 0
    comparison = json.loads((tmp_path / "out/model_comparison.json").read_text())
    assert comparison["models"].keys() == {"markov"}
    assert comparison["failures"] == {str(tmp_path / "first/0_lstm"): "no memory"}


def test_different_test_sets_are_refused(run: Run, runs: Path, tmp_path: Path) -> None:
    ended = run("compare.py", f"runs=[{runs / 'markov'},{runs / 'other'}]", *FEW, f"output_dir={tmp_path / 'out'}")
    show_refused(ended, "different test tunes", "markov", "other", "split_seed")
    assert not (tmp_path / "out").exists()


def test_melodies_of_any_origin_are_scored_beside_real_tunes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = SyntheticCorpus(num_sequences=60)
    monkeypatch.setattr(SyntheticCorpus, "read", lambda self, read=SyntheticCorpus.read: read(few))
    melodies, out = tmp_path / "mine", tmp_path / "out"
    melodies.mkdir()
    (melodies / "a.mid").write_bytes(to_midi(Melody([60, 62, 64, 65] * 4, [24] * 16), 120))
    ended = run("evaluate.py", f"melodies={melodies}", "dataset=synthetic", f"output_dir={out}")
    assert ended.code == 0, ended.err
    assert "1 melodies" in ended.out
    values = json.loads((out / "results.json").read_text())
    assert [melody["file"] for melody in values["melodies"]] == ["a.mid"]
    assert set(values["scores"]["overall_score"]) == {"value", "low", "high"}
    assert len(values["real"]["melodies"]) >= 6
    (out / "results.json").write_text('{"test": {}}')  # of a run
    show_refused(
        run("evaluate.py", f"melodies={melodies}", "dataset=synthetic", f"output_dir={out}"), "another output_dir"
    )


def test_a_run_that_cannot_be_evaluated_is_listed_with_the_reason(run: Run, runs: Path, copied: Path) -> None:
    (copied / "tunes.npz").write_bytes(b"junk")
    out = copied.parent / "out"
    ended = run("compare.py", f"runs=[{runs / 'ppm'},{copied}]", *FEW, f"output_dir={out}")
    assert ended.code == 1
    assert ended.err.startswith("not compared: copied; the reasons are printed above")
    assert "copied is not compared" in ended.out.replace("\n", " ")
    assert "damaged" in json.loads((out / "model_comparison.json").read_text())["failures"]["copied"]


@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("evaluate.py", [], ["run must be given", "run="]),
        ("evaluate.py", ["run="], ["run= has no value"]),
        ("evaluate.py", ["run=nowhere"], ["nowhere"]),
        ("evaluate.py", ["run=x", "n_sample=3"], ["n_sample", "did you mean n_samples?"]),
        ("evaluate.py", ["run=x", "n_samples=0"], ["n_samples=0"]),
        ("evaluate.py", ["run=x", "n_samples=many"], ["n_samples=many"]),
        ("evaluate.py", ["run=x", "seed=-1"], ["seed=-1"]),
        ("evaluate.py", ["outputs/run"], ["write run=outputs/run"]),
        ("evaluate.py", ["run=[a"], ["run=[a: there is no such run"]),
        ("evaluate.py", ["run=x", "n_samples=[a"], ["cannot be read"]),
        ("evaluate.py", ["melodies=a"], ["output_dir must be given"]),
        ("evaluate.py", ["melodies=a", "run=b", "output_dir=c"], ["not both"]),
        ("evaluate.py", ["melodies=a", "output_dir=c", "dataset=nowhere"], ["dataset=nowhere"]),
        ("compare.py", [], ["runs must be given"]),
        ("compare.py", ["runs=nowhere"], ["runs=nowhere: there is no such run"]),
        ("compare.py", ["runs=[]"], ["nothing to compare"]),
    ],
)
def test_bad_input_is_refused_in_one_line(
    run: Run, script: str, arguments: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    show_refused(run(script, *arguments), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_checkpoint_is_refused(run: Run, copied: Path) -> None:
    shutil.rmtree(copied / "markov_checkpoints")
    show_refused(run("evaluate.py", f"run={copied}"), "copied", "checkpoint")


@pytest.mark.parametrize("script", ["evaluate.py", "compare.py"])
def test_help_names_every_option_and_what_it_does(run: Run, script: str) -> None:
    ended = run(script, "--help")
    assert ended.code == 0
    for option in ("n_samples: ", "seed: ", "max_notes: "):
        assert option in ended.out
    assert f"chromasonic {script.removesuffix('.py')}" in ended.out


def test_an_interrupt_ends_with_its_code(run: Run, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chromasonic.melody_generation.reporting import run_evaluation

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_evaluation, "evaluate", interrupted)
    before = (copied / "evaluation/results.json").read_bytes()
    ended = run("evaluate.py", f"run={copied}", *FEW)
    assert ended.code == 130
    assert "interrupted" in ended.err
    assert (copied / "evaluation/results.json").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(run: Run, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run("compare.py", f"runs=[{runs / 'markov'}]", *FEW, f"output_dir={tmp_path / 'file'}")
    show_refused(ended, "file", "exists")

"""The command results, from a tiny plan to the page, and the committed plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from chromasonic.config.compose import compose_training, read_yaml
from chromasonic.melody_generation.study import runner
from chromasonic.melody_generation.study.plan import Plan
from tests.breaking.forked import ForkedProgram, warm_up
from tests.running import CONFIGS, ROOT, Ending, run_script

Run = Callable[..., Ending]
TINY = "num_sequences=40, epochs=2, hidden_size=8, num_layers=1, logger=none, callbacks=quiet"
PLAN = f"""
seeds: [1]
reference: markov
rows:
  markov: {{title: Markov, overrides: [model=markov, num_sequences=40, logger=none]}}
  lstm: {{title: LSTM, overrides: [{TINY}]}}
ablations:
  memory:
    title: Memory
    question: What is a memory worth?
    base: lstm
    variants: {{no memory: [model.memory=false], memory: [hidden_size=8]}}
"""
COMMITTED = Plan.of(read_yaml(CONFIGS / "results_plan.yaml"), "configs/results_plan.yaml")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a script in this process, in a new folder."""
    monkeypatch.chdir(tmp_path)
    # Each step of a plan is a separate process. A fork need not import anything again.
    monkeypatch.setattr(runner, "subprocess", SimpleNamespace(Popen=ForkedProgram, DEVNULL=None, STDOUT=None))

    def run_it(name: str, *arguments: str) -> Ending:
        return run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / name)

    return run_it


@pytest.mark.slow
def test_a_plan_becomes_a_page(run: Run, tmp_path: Path) -> None:
    warm_up()
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "README.md").write_text("<!-- results -->\n<!-- /results -->\n")
    options = ("plan=plan.yaml", "readme=README.md", "n_samples=2", "max_notes=24", "jobs=2")

    part = run("results.py", *options, "parts=lstm")
    assert part.code == 0, part.err
    assert "2 of 2  lstm, seed 1, evaluation  done in" in part.out
    assert "the page was not written: 3 of 5 steps are not done yet" in part.out
    assert not (tmp_path / "docs").exists()

    whole = run("results.py", *options)
    assert whole.code == 0, whole.err
    assert "5 of 5  " in whole.out
    assert "lstm, seed 1  " not in whole.out  # it was done
    page = (tmp_path / "docs/results.md").read_text()
    for words in ("| LSTM |", "| Markov |", "| memory |", "no memory", "test set `"):
        assert words in page, words
    assert "| Markov |" in (tmp_path / "README.md").read_text()

    # The command on the page generates its tunes.
    command = re.search(r"chromasonic generate (.*)", page)
    assert command
    made = run("generate.py", *command[1].split(), "max_notes=24", "formats=[abc]", "output_dir=made")
    assert made.code == 0, made.err
    assert (tmp_path / "made/melody_03.abc").read_text().strip() in page

    again = run("results.py", *options)
    assert (again.code, again.out.splitlines()) == (0, ["Results      docs/results.md"])
    assert (tmp_path / "docs/results.md").read_text() == page


def test_a_wrong_plan_is_refused_before_anything_runs(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    for text, says in (
        (PLAN.replace("epochs=2", "epoch=2"), "lstm: there is no epoch to set, did you mean epochs?"),
        (PLAN.replace("epochs=2", "epochs=0"), "lstm: epochs=0: write a number above 0"),
        (PLAN + "\nseeds: [2]", "found duplicate key seeds"),
        ("- a", "plan.yaml holds no named values"),
    ):
        plan.write_text(text)
        ended = run("results.py", "plan=plan.yaml")
        assert ended.code == 1
        assert says in ended.err
        assert len(ended.err.splitlines()) == 1
    assert "plan=nowhere.yaml: there is no such file" in run("results.py", "plan=nowhere.yaml").err
    assert not (tmp_path / "outputs").exists()


def test_a_front_page_without_marks_is_refused_before_anything_runs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    without = run("results.py", "plan=plan.yaml", "readme=README.md")
    assert (without.code, without.out) == (1, "")
    assert without.err == "readme=README.md cannot be read (No such file or directory): readme=null leaves it out\n"
    (tmp_path / "README.md").write_text("no marks")
    unmarked = run("results.py", "plan=plan.yaml", "readme=README.md")
    assert (unmarked.code, unmarked.out) == (1, "")
    assert "README.md has no marks for the table" in unmarked.err


def test_only_one_program_writes_the_results(run: Run, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "outputs/results").mkdir(parents=True)
    with FileLock(tmp_path / "outputs/results/.lock"):
        ended = run("results.py", "plan=plan.yaml")
    assert (ended.code, ended.out) == (1, "")
    assert "another program is making the results in outputs/results" in ended.err


@pytest.mark.parametrize("part", COMMITTED.parts.values(), ids=lambda part: part.name)
def test_every_part_of_the_committed_plan_composes(part: object) -> None:
    run = next(run for run in COMMITTED.runs(Path("outputs/results")) if run.part == getattr(part, "name", ""))
    assert compose_training(CONFIGS, run.overrides)["seed"] == run.seed

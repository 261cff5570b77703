"""The commands listen and judge: from runs to a test, and from answers to what they show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chromasonic.melody_generation.evaluation.listening_test.answer_key import read_key
from tests.docs.markdown_files import code_blocks
from tests.listening_tests import answers_in_file, write_answers
from tests.running import QUIET, ROOT, Ending, run_script

pytestmark = pytest.mark.slow
Run = Callable[..., Ending]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a script in this process."""

    def run_it(name: str, *arguments: str) -> Ending:
        return run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / f"{name}.py")

    return run_it


def test_from_a_run_to_judgements(run: Run, trained_run: Callable[..., Path], tmp_path: Path) -> None:
    markov = trained_run(*QUIET, "model=markov")
    made = run("listen", f"runs=[{markov}]", "n_tunes=2", f"output_dir={tmp_path / 'test'}")
    assert made.code == 0, made.err
    files = {name: (tmp_path / "test" / name).read_bytes() for name in ("listening_test.html", "tunes.abc", "key.json")}
    assert all(name in made.out for name in files)
    assert files["tunes.abc"].count(b"X:") == 4
    key = read_key(tmp_path / "test/key.json")
    assert key.test_id.encode() in files["listening_test.html"]
    assert [source.is_real for source in key.sources] == [True, False]

    # The same seed makes the same test; that of another seed would take the key away from answers.
    assert run("listen", f"runs={markov}", "n_tunes=2", f"output_dir={tmp_path / 'test'}").code == 0
    assert {name: (tmp_path / "test" / name).read_bytes() for name in files} == files
    other = run("listen", f"runs={markov}", "n_tunes=2", "seed=1", f"output_dir={tmp_path / 'test'}")
    assert other.code == 1
    assert "another test" in other.err
    assert {name: (tmp_path / "test" / name).read_bytes() for name in files} == files

    for name, rating, is_right in (("ann", 4, True), ("bob", 2, True), ("eve", 3, False)):
        write_answers(
            tmp_path / "answers", f"{name}.json", answers_in_file(key, name, rating=rating, is_right=is_right)
        )
    command = (f"answers={tmp_path / 'answers'}", f"key={tmp_path / 'test/key.json'}")
    judged = run("judge", *command)
    assert judged.code == 0, judged.err
    for words in ("told apart", "0.67 [", "Krippendorff", "ann", "real above", "judgements.md"):
        assert words in judged.out, words
    numbers = json.loads((tmp_path / "test/judgements.json").read_text(encoding="utf-8"))
    assert numbers["told_apart"][0]["share"]["value"] == pytest.approx(2 / 3)
    assert "told apart" in (tmp_path / "test/judgements.md").read_text(encoding="utf-8")

    [example] = code_blocks(ROOT / "docs/listening_test.md", "python")
    names: dict[str, object] = {}
    example = example.replace("outputs/listening_test", f"{tmp_path}/test").replace(
        '"answers"', f'"{tmp_path}/answers"'
    )
    exec(example, names)
    assert names["judgements"].test == key.test_id  # type: ignore[attr-defined]

    (tmp_path / "answers/mallory.json").write_text("{}")
    refused = run("judge", *command, f"output_dir={tmp_path / 'again'}")
    assert refused.code == 1
    assert "not counted: mallory.json" in refused.err
    again = json.loads((tmp_path / "again/judgements.json").read_text(encoding="utf-8"))
    assert {**again, "refused": {}} == numbers


def test_runs_with_other_test_tunes_are_refused(run: Run, trained_run: Callable[..., Path], tmp_path: Path) -> None:
    runs = [trained_run(*QUIET, "model=markov", *other) for other in ((), ("dataset.split_seed=5",))]
    ended = run("listen", f"runs=[{runs[0]},{runs[1]}]", f"output_dir={tmp_path / 'test'}")
    assert ended.code == 1
    assert "other test tunes" in ended.err
    assert not (tmp_path / "test").exists()


@pytest.mark.parametrize("option", ["n_tunes=1", "n_tunes=101", "n_tunes=50", "temperature=-1", "seed=-1", "real=2"])
def test_wrong_options_are_refused_in_a_sentence(
    option: str, run: Run, trained_run: Callable[..., Path], tmp_path: Path
) -> None:
    ended = run("listen", f"runs={trained_run(*QUIET, 'model=markov')}", option, f"output_dir={tmp_path / 'test'}")
    assert ended.code == 1
    assert option.partition("=")[0] in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not (tmp_path / "test").exists()

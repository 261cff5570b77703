"""Sweep, evaluate, compare and generate on tunes whose titles are markup, links and orders to the terminal."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from chromasonic.melody_generation.printing.printable_text import printable
from tests.running import QUIET, ROOT, Ending, run_script

pytestmark = pytest.mark.slow
Run = Callable[..., Ending]
FEW = ("n_samples=2", "max_notes=24")
TITLES = (
    "Reel [/b]",
    "[red on blue]in D[/]",
    "[link=http://evil.example/x]The Kesh[/link]",
    ":smile: $\\frac{",
    "\x1b]0;owned\x07\x1b[31mRED",
    "\x1b]8;;http://evil.example\x1b\\Kesh\x1b]8;;\x1b\\",
    "[a](http://evil.example) <img src=x onerror=alert(1)> `|`",
    "\u202egij \u2066eht\u200f",
    "</script><script>alert(1)</script>",
    "\x9b31m _x_ ]]> &amp;",
)
HOSTILE = "[/red] \x1b]0;owned\x07\u202e"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a script in this process."""

    def run_it(name: str, *arguments: str) -> Ending:
        ended = run_script(*arguments, capture=capsys, patch=monkeypatch, script=ROOT / "scripts" / f"{name}.py")
        for text in (ended.out, ended.err):
            shown = text.replace("\n", "")
            assert shown == printable(shown)
        assert "Traceback" not in ended.err
        return ended

    return run_it


def write_tunes(folder: Path) -> Path:
    """Write tunes that begin alike, too briefly for variants of one tune; every one has its own hostile title."""
    choose = random.Random(1).choice
    folder.mkdir()
    motif = " | ".join("".join(choose("CDEFGABcdefg") for _ in range(8)) for _ in range(2))
    for number in range(40):
        bars = ("".join(choose("CDEFGABcdefg") + choose(["", "2", "/2"]) for _ in range(8)) for _ in range(4))
        name = "".join(choose("abcdefgh") for _ in range(9))
        text = f"X:1\nT:{name} {TITLES[number % len(TITLES)]}\nM:4/4\nL:1/8\nK:G\n{motif} | {' | '.join(bars)}|]\n"
        (folder / f"t{number:02} [b].abc").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tunes(tmp_path_factory.mktemp("tunes") / "Stücke [b] (2)")


def check_files(folder: Path) -> None:
    """Check that no page and no table holds an order to the terminal, a link to elsewhere or an element of a title."""
    paths = [*folder.rglob("*.md"), *folder.rglob("*.html")]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), path
        assert not re.search(r"(?<!\\)(?:<img src=x|<script>alert)", text), path
        assert path.suffix == ".html" or not re.search(r"(?<!\\)\]\(http", text), path


def test_a_sweep_and_what_follows_it_show_titles_as_they_are(run: Run, tunes: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    few = [f"hydra.callbacks.comparison.{option}" for option in FEW]
    of_tunes = ("dataset=files", f"dataset.corpus.folder={tunes}")
    ended = run("train", "-m", "model=markov", *of_tunes, *QUIET[1:], *few, f"output_dir={sweep}")
    assert ended.code == 0, ended.err
    assert "no comparison" not in ended.out
    assert "model_comparison.md" in ended.out

    ended = run("evaluate", f"run={sweep / '0_markov'}", *FEW)
    assert ended.code == 0, ended.err
    assert "Most copied" in ended.out
    assert run("evaluate", f"run={sweep / '0_markov'}", "surprise=1").code == 0

    jobs = sweep / "comparison_results/jobs"
    record = {"status": "failed", "reason": f"ValueError {HOSTILE}", "overrides": [f"x={HOSTILE}"]}
    (jobs / "2_lstm.json").write_text(json.dumps(record))
    ended = run("compare", f"runs={sweep}", f"output_dir={tmp_path / 'out [b]'}")
    assert ended.code == 0, ended.err
    assert "2_lstm" in ended.out
    assert printable(f"ValueError {HOSTILE}").replace(" ", "") in "".join(ended.out.split())  # it is broken into lines

    primer = next(tunes.glob("*.abc"))
    ended = run(
        "generate", f"run={sweep / '0_markov'}", f"primer={primer}", "count=1", f"output_dir={tmp_path / 'melodies'}"
    )
    assert ended.code == 0, ended.err
    check_files(tmp_path)


def test_a_model_is_named_as_it_is(run: Run, trained_run: Callable[..., Path], tmp_path: Path) -> None:
    directory = Path(shutil.copytree(trained_run(*QUIET, "model=markov"), tmp_path / "markov [/b]"))
    path = next(directory.glob("*_checkpoints/*_best.pt"))
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"] = HOSTILE
    torch.save(checkpoint, path)
    shutil.rmtree(directory / "evaluation")
    assert run("evaluate", f"run={directory}", *FEW).code == 0
    ended = run("compare", f"runs={directory}", f"output_dir={tmp_path / 'out'}", *FEW)
    assert ended.code == 0, ended.err
    assert printable(HOSTILE) in ended.out
    check_files(tmp_path)

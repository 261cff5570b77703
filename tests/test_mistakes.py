"""The mistakes that people make most on the command line: each is answered with what to type, and leaves nothing.

Torch and others take seconds to import. That none was imported shows that the answer came at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# (command line, what the sentence says)
MISTAKES = [
    ("trian", "did you mean train?"),
    ("sample run=a_run", "did you mean generate?"),
    ("model=lstm", "chromasonic train model=lstm"),
    ("train --epochs 5", "write epochs=5"),
    ("train --lr=0.1", "write learning_rate=0.1"),
    ("train epochs 5", "write epochs=5"),
    ("train epochs = 5", "write epochs=5, without spaces"),
    ("train lstm", "write model=lstm"),
    ("train a_run", "write resume=a_run"),
    ("train lr=0.1", "did you mean learning_rate?"),
    ("train bs=8", "did you mean batch_size?"),
    ("train layers=2", "did you mean num_layers?"),
    ("train hidden=64", "did you mean hidden_size?"),
    ("train optimizer.learning_rate=0.1", "did you mean learning_rate?"),
    ("train device=cuda", "did you mean trainer.accelerator?"),
    ("train model=lstm,ppm", "chromasonic train -m model=lstm,ppm"),
    ("train model=LSTM", "did you mean lstm?"),
    ("train model=gpt", "did you mean transformer?"),
    ("train dataset=my_tunes", "dataset=files dataset.corpus.folder=my_tunes"),
    ("train model=markov hidden_size=64", "has no hidden_size: leave it out"),
    ("train epochs=many dropout=30%", "epochs=many: a whole number is needed\ndropout=30%: write dropout=0.3"),
    ("train learning_rate=0,001", "write learning_rate=0.001"),
    ("train trainer.precision=fp16", "did you mean 16-mixed?"),
    ("train output_dir=", "output_dir= has no value"),
    ("train resume=outputs/nothing", "there is no run to continue"),
    ("train init_from=nothing", "init_from=nothing: there is no such run"),
    ("train dataset=files dataset.corpus.folder=nothing", "dataset.corpus.folder=nothing: there is no such file"),
    ("train -m epochs=1,many", "epochs=many: a whole number is needed"),
    ("evaluate a_run", "write run=a_run"),
    ("evaluate run=a_ruin", "did you mean a_run?"),
    ("evaluate run=latest", "latest is the newest run in outputs/, and there is none"),
    ("compare a_run my_tunes", "write runs=[a_run,my_tunes]"),
    ("compare runs=a_run,a_run", "write runs=[a_run,a_run]"),
    ("generate run=", "run= has no value"),
    ("generate run=a_run meter=6/8", "did you mean metre?"),
    ("generate run=a_run kind=Jigg", "did you mean jig?"),
    ("generate run=a_run key=Gm", "write key=G mode=minor"),
    ("generate run=a_run vary=30%", "write vary=0.3"),
    ("generate run=a_run formats=midi,abc", "several as [midi,abc]"),
    ("harmonise my_tunes", "write melodies=my_tunes"),
]
PROGRAM = """
import contextlib, io, sys
from chromasonic.app.cli import main
for line in sys.stdin.read().splitlines():
    err = io.StringIO()
    try:
        with contextlib.redirect_stderr(err):
            main(line.split())
        ending = "exit 0"
    except SystemExit as problem:
        ending = problem.code
    print(repr((line, ending)))
print(repr(sorted({"torch", "lightning", "music21", "scipy", "matplotlib"} & set(sys.modules))))
"""


@pytest.mark.slow
def test_each_mistake_is_answered_with_what_to_type_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a_run" / "lstm_checkpoints").mkdir(parents=True)
    (tmp_path / "a_run" / "lstm_checkpoints" / "melody_lstm_best.pt").touch()
    (tmp_path / "my_tunes").mkdir()
    before = sorted(tmp_path.rglob("*"))
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="\n".join(line for line, _ in MISTAKES),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ,
    )
    assert ended.returncode == 0, ended.stderr
    *answers, loaded = ended.stdout.splitlines()
    wrong = [
        (line, said, answer)
        for (line, said), answer in zip(MISTAKES, answers, strict=True)
        if repr(said)[1:-1] not in answer or "Traceback" in answer
    ]
    assert not wrong
    assert loaded == "[]"
    assert sorted(tmp_path.rglob("*")) == before

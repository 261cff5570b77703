"""TensorBoard itself shows what the logger writes: a tag that is used twice is shown on one tab alone."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
import wave
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from matplotlib.figure import Figure

from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.reporting.event_files import show_in_tensorboard
from chromasonic.melody_generation.training.tensorboard import PairedTensorBoardLogger

Get = Callable[..., bytes]
TUNE = Melody([60, 64, 67], [24, 24, 48])


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    """Yield a function that gets a page from a TensorBoard that serves a run and its evaluation."""
    directory = tmp_path_factory.mktemp("run") / "tensorboard"
    logger = PairedTensorBoardLogger(directory)
    for side in ("train", "validation"):
        logger.log_metrics({f"{side}/loss": 2.5, "epoch": 0}, 3)
    logger.log_melody("generated melody", TUNE, 1)
    logger.log_outcome({"lr": 0.01}, {"bits": 2.5}, Figure())
    logger.finalize("success")
    show_in_tensorboard(
        directory / "evaluation", scores={"overall": 0.5}, tables={"scores": "| a |"}, figures={"radar": Figure()}
    )
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(directory), "--port", "0"]
    with subprocess.Popen(
        [*command, "--load_fast", "false", "--reload_interval", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        address = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+", line)))
        threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would halt the server
        yield lambda path, body=None, **query: page_of(address, path, body, **query)
        server.terminate()


def page_of(address: str, path: str, body: dict[str, object] | None = None, **query: str | int) -> bytes:
    """Return what TensorBoard sends to its own pages."""
    url = f"{address.rstrip('/')}/data/plugin/{path}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as response:
        content: bytes = response.read()
    return content


def tags(get: Get, plugin: str) -> dict[str, set[str]]:
    found: dict[str, Any] = json.loads(get(f"{plugin}/tags"))
    return {run: set(names) for run, names in found.items() if names}


def test_each_tab_shows_what_is_of_its_kind(get: Get) -> None:
    assert tags(get, "images") == {".": {"generated melody/piano roll", "learning curves"}, "evaluation": {"radar"}}
    assert tags(get, "audio") == {".": {"generated melody/sound"}}
    texts = {run: {name.removesuffix("/text_summary") for name in names} for run, names in tags(get, "text").items()}
    assert texts == {".": {"generated melody/ABC"}, "evaluation": {"scores"}}
    scalars = tags(get, "scalars")
    assert scalars["train"] == scalars["validation"] == {"loss"}
    assert scalars["evaluation"] == {"overall"}


def test_the_sound_plays_and_the_roll_is_a_picture(get: Get) -> None:
    [sound] = json.loads(get("audio/audio", run=".", tag="generated melody/sound", sample=0))
    with wave.open(io.BytesIO(get(f"audio/individualAudio?{sound['query']}&"))) as file:
        assert file.getnframes() > file.getframerate()
    [picture] = json.loads(get("images/images", run=".", tag="generated melody/piano roll", sample=0))
    assert get(f"images/individualImage?{picture['query']}&").startswith(b"\x89PNG")


def test_the_text_is_abc_and_the_hyperparameters_are_listed(get: Get) -> None:
    [text] = json.loads(get("text/text", run=".", tag="generated melody/ABC/text_summary"))
    assert "<code>X:1" in text["text"]
    experiment = json.loads(get("hparams/experiment", {"experimentName": ""}))
    assert {info["name"] for info in experiment["hparamInfos"]} == {"lr"}
    assert "hp/bits" in {info["name"]["tag"] for info in experiment["metricInfos"]}

"""Readers of the files of a run and of command-line options, with valid inputs to mutate."""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from tests.breaking.audited import watched
from tests.breaking.mutations import NUMBERS, as_json, mutated, mutated_values
from tests.breaking.reader import Reader, tokens_of
from tests.running import CONFIGS
from tests.small_networks import batch_of, small_lstm, small_transformer, walks

from chromasonic.app.jobs import Job
from chromasonic.app.training_run import build_data, build_module, build_trainer, callbacks_of
from chromasonic.config.closed_set import ARGUMENTS
from chromasonic.config.command_options import CompareOptions, read_options
from chromasonic.config.saved_configuration import read_configuration
from chromasonic.config.validation import check
from chromasonic.melody_generation.corpora.packing import pack_melodies
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.evaluation.evaluate import evaluate
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from chromasonic.melody_generation.evaluation.records import EvaluationRecord, read_evaluation
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.layout import RunLayout
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.runs.trained_model import load_model
from chromasonic.melody_generation.runs.training_record import TrainingRecord
from chromasonic.melody_generation.training.history import TrainingHistory

# --- files of a run --------------------------------------------------------------------------------------------------


@cache
def _checkpoints() -> list[dict[str, Any]]:
    markov, ppm = MarkovNetwork(1), PPMNetwork(1, 1)
    for network in (markov, ppm):
        network.count(batch_of(walks(2)))
    networks = (small_lstm(), small_transformer(), markov, ppm)
    return [{**describe(network), "model_state_dict": dict(network.state_dict()), "epoch": 3} for network in networks]


_TENSORS = (
    torch.zeros(0), torch.zeros(()), torch.zeros(3), torch.zeros(1).expand(10**9), torch.full((4, 4), torch.nan),
    torch.zeros(2, 2, dtype=torch.complex64), torch.zeros(10**9, device="meta"), torch.tensor([-1, 2, 2**62]),
    torch.zeros(2, 2).to_sparse(), torch.zeros(4, dtype=torch.bool), torch.arange(10**3).flip(0),
)  # fmt: skip


def _make_checkpoint(draw: random.Random) -> bytes:
    values = draw.choice(_checkpoints())
    changed = draw.random() < 0.6
    if changed:
        values = mutated_values(draw, values, _TENSORS)
    buffer = io.BytesIO()
    torch.save(values, buffer)
    content = buffer.getvalue()
    if changed and draw.random() < 0.8:
        return content
    # Most of the bytes are weights, which may have any value. Most mutations hit the metadata at either end.
    damaged = bytearray(content)
    for _ in range(draw.choice((1, 2, 5, 20))):
        reach = draw.choice((4000, 8000, len(damaged)))
        index = draw.choice(
            (draw.randrange(min(reach, len(damaged))), len(damaged) - 1 - draw.randrange(min(4000, len(damaged))))
        )
        damaged[index] = draw.randrange(256)
    return bytes(damaged[: draw.randrange(len(damaged)) if draw.random() < 0.1 else len(damaged)])


def _load_model(content: bytes, folder: Path) -> None:
    path = folder / "model.pt"
    path.write_bytes(content)
    load_model(path)


@cache
def _packed() -> bytes:
    return pack_melodies(walks(6), {"sides": {"train": 4, "validation": 1, "test": 1}})


def _make_tunes(draw: random.Random) -> bytes:
    if draw.random() < 0.3:
        return mutated(draw, [_packed()], [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY", b"'descr': '|O'"])
    with np.load(io.BytesIO(_packed())) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    labels = json.loads(values["labels"].tobytes())
    name = draw.choice(("pitches", "durations", "tunes", "departures", "labels", "labels"))
    if name == "labels":
        values["labels"] = np.frombuffer(as_json(mutated_values(draw, labels)), dtype=np.uint8)
    else:
        array = values[name].copy()
        for _ in range(draw.choice((1, 3))):
            if array.size:
                array.flat[draw.randrange(array.size)] = draw.choice(
                    (0, -1, 1, 200, 32767, -32768, draw.randrange(100))
                )
        changes: tuple[Callable[[], Any], ...] = (
            lambda: array, lambda: array, lambda: array[:-1], lambda: array.astype(np.float64) * np.nan,
            lambda: np.concatenate([array, array]), lambda: array.ravel()[:3], lambda: array.astype("U8"),
        )  # fmt: skip
        values[name] = draw.choice(changes)()
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    return buffer.getvalue()


def _read_tunes(content: bytes, folder: Path) -> None:
    path = folder / "tunes.npz"
    path.write_bytes(content)
    load_split_tunes(path)


@cache
def _history() -> Any:
    return json.loads(json.dumps(TrainingHistory([1, 2, 4], *([0.5, 0.25, 1.0] for _ in range(5))).to_dict()))


def _make_json(values: Callable[[], Any]) -> Callable[[random.Random], bytes]:
    def make(draw: random.Random) -> bytes:
        if draw.random() < 0.3:
            return mutated(
                draw, [as_json(values())], [b"[", b"]", b"{", b"}", b":", b",", b'"', b"\\u0000", b"\\ud800"]
            )
        return as_json(mutated_values(draw, values()))

    return make


def _read_history(content: bytes, folder: Path) -> None:
    path = folder / "history.json"
    path.write_bytes(content)
    history = TrainingHistory.load(path)
    _ = history.best_epoch, history.best_val_loss, history.generalisation_gap
    history.save(path)
    if TrainingHistory.load(path).to_dict() != history.to_dict():
        raise AssertionError("the history changes when it is saved")


@cache
def _record() -> EvaluationRecord:
    tunes = walks(12)
    reference = ReferenceSet.of(tunes[:4], tunes[4:])
    evaluation = evaluate(small_lstm().eval(), "lstm", reference, SampleSettings(2, max_notes=8))
    metadata = ModelMetadata(seed=1, n_epochs=3, split_hash="a", configuration={"epochs": 3, "model": {"order": 2}})
    training = TrainingRecord(metadata, best_epoch=2, minutes=0.5)
    return replace(evaluation.record(), training=training, run="0_lstm", checkpoint="b")


def _results() -> Any:
    return _record().to_json()


def _read_results(content: bytes, folder: Path) -> None:
    (folder / "evaluation").mkdir(exist_ok=True)
    (folder / "evaluation" / "results.json").write_bytes(content)
    record = read_evaluation(folder)
    if record:
        json.dumps(compare({"theirs": record, "ours": _record()}).to_json(), allow_nan=False)


# --- configurations --------------------------------------------------------------------------------------------------


SMALL = {model: ["hidden_size=16", "num_layers=1", "trainer.accelerator=cpu"] for model in ("lstm", "transformer")}


@cache
def _configurations() -> list[Any]:
    configurations = []
    for model, scheduler in (("lstm", "step"), ("transformer", "one_cycle"), ("ppm", "cosine")):
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose("train", [f"model={model}", f"scheduler={scheduler}", *SMALL.get(model, [])])
        values = OmegaConf.to_container(config)
        configurations.append(values | {"choices": {"model": model, "dataset": "synthetic"}})  # type: ignore[operator]
    return configurations


YAML = tokens_of(
    "_target_ _partial_ _args_ ${ } $ ${epochs} ${oc.env:HOME} ${hydra:runtime.output_dir} &a *a !!python/object ??? "
    "null ~ true [ ] { } - : | > # % @ ` 1e3 .inf .nan 0o7 1_0 2020-01-01 <<: os.system torch.load ${choices.a} "
    "${choices.a}${choices.b} {oc.env:FUZZ_SECRET} {oc.create:{_target_:os.system}} ../.. /tmp/theirs save_dir"
)
_SECRET = "only-the-environment-has-this"
_TARGETS = tuple(
    {"_target_": target, **dict.fromkeys(arguments, "../../theirs")}
    for target, arguments in (
        ("os.system", ("_args_",)),
        ("torch.load", ("f",)),
        ("torch.optim.SGD", ("params",)),
        ("lightning.pytorch.loggers.CSVLogger", ("save_dir", "name", "version")),
        ("lightning.pytorch.loggers.TensorBoardLogger", ("save_dir", "sub_dir")),
        ("lightning.pytorch.callbacks.ModelCheckpoint", ("dirpath",)),
        ("lightning.pytorch.profilers.SimpleProfiler", ("dirpath", "filename")),
        ("chromasonic.melody_generation.training.tensorboard.PairedTensorBoardLogger", ("directory",)),
        ("chromasonic.melody_generation.corpora.files.FilesCorpus", ("folder",)),
        ("chromasonic.melody_generation.corpora.nottingham.NottinghamCorpus", ("base_url",)),
        ("chromasonic.melody_generation.training.run_mixture.mixture_of", ("runs",)),
        ("theirs.Network", ("x",)),
    )
)
_VALUES: tuple[Any, ...] = (
    *(
        "${epochs}",
        "${nothing}",
        "${model}",
        "???",
        "torch.optim.SGD",
        "${choices.a}${choices.b}",
        "simple",
        "../..",
        "$",
    ),
    *("../..", "{oc.env:FUZZ_SECRET}", "{oc.create:{_target_:theirs.Network}}", "{oc.decode:x}", *_TARGETS),
)


# Plain values for the arguments of classes that a run directory may name.
_PLAIN: tuple[Any, ...] = (
    *(0, 1, 2, 3, -1, 0.5, 1e-3, 1e9, True, False, None, "auto", "cpu", "min", "both", "written", "validation/loss"),
    *("32-true", "norm", "epoch", "00:00:00:10", [0.9, 0.99], [1], {"hours": 1}, {0: 2}, "../..", "/theirs", "$"),
)


def _with_allowed_class(draw: random.Random, values: dict[str, Any]) -> None:
    """Put a class that a run directory may name in its place, with some of its arguments."""
    place = draw.choice(list(ARGUMENTS))
    target, arguments = draw.choice(list(ARGUMENTS[place].items()))
    node = {name: draw.choice(_PLAIN) for name in arguments.split() if draw.random() < 0.25} | {"_target_": target}
    group, _, name = place.partition(".")
    if place in {"model", "scheduler", "trainer"} and draw.random() < 0.8:
        values[group] |= {key: value for key, value in node.items() if key != "_target_"}
    elif not name:
        values[group] = node
    elif isinstance(values.get(group), dict):
        values[group]["mine" if name == "*" else name] = node


def _make_configuration(draw: random.Random) -> bytes:
    values = copy.deepcopy(draw.choice(_configurations()))
    for _ in range(draw.randrange(3)):
        _with_allowed_class(draw, values)
    if draw.random() < 0.5:
        return as_json(values)
    if draw.random() < 0.3:  # two harmless references that are joined to another
        values["choices"] |= {"a": "$", "b": draw.choice([text for text in _VALUES if str(text).startswith("{")])}
    for _ in range(draw.randrange(3)):
        place = draw.choice([values, *(node for node in values.values() if isinstance(node, dict))])
        name = draw.choice([*place, "plugins", "directory", "save_dir", "callbacks", "profiler", "csv", "corpus"])
        place[name] = copy.deepcopy(draw.choice(_VALUES))
    if draw.random() < 0.4:
        return mutated(draw, [yaml.safe_dump(values, sort_keys=False).encode()], YAML)
    return as_json(mutated_values(draw, values, _VALUES))


def _read_configuration(content: bytes, folder: Path) -> None:
    """Read and check a configuration, and build all that it describes, in an environment with a secret."""
    run = folder / "run"
    run.mkdir(exist_ok=True)
    (run / "config.yaml").write_bytes(content)
    (folder / "theirs.py").write_text("Network = print")
    os.environ["FUZZ_SECRET"] = _SECRET
    sys.path.insert(0, str(folder))
    try:
        with watched(run) as watch:
            config = read_configuration(run, {"epochs": 2}, follows_paths=False)
            check(config)
            _build(config, run)
    finally:
        sys.path.remove(str(folder))
        assert not watch.deeds, watch.deeds
        assert not list(folder.rglob(f"*{_SECRET}*"))
    assert _SECRET not in str(OmegaConf.to_container(config))


def _build(config: DictConfig, run: Path) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    build_data(config)
    module = build_module(config)
    checkpoints = RunLayout(run).checkpoints_of(str(config.choices.get("model")))
    trainer = build_trainer(config, callbacks_of(Job(config, run, checkpoints), module), run)
    for logger in trainer.loggers:
        logger.log_metrics({"x": 1.0}, 1)
        logger.save()
        logger.finalize("success")


def _make_options(draw: random.Random) -> bytes:
    names = ("runs", "output_dir", "n_samples", "seed", "max_notes", "n_sample", "", "a.b", "runs[0]")
    values = (*NUMBERS, *(token.decode() for token in YAML), "[a,b]", "outputs/x", "", "[", "{a: 1}", "${runs}")
    return "\0".join(
        f"{draw.choice(names)}{draw.choice(('=', '=', '=', '', '==', '+='))}{draw.choice(values)}"
        for _ in range(draw.randrange(1, 6))
    ).encode()


def _read_options(content: bytes, folder: Path) -> None:
    del folder
    read_options(CONFIGS / "compare.yaml", CompareOptions, content.decode().split("\0"))


RUNS: dict[str, Reader] = {
    "checkpoint": Reader(_make_checkpoint, _load_model),
    "tunes": Reader(_make_tunes, _read_tunes),
    "history": Reader(_make_json(_history), _read_history),
    "results": Reader(_make_json(_results), _read_results),
    "configuration": Reader(_make_configuration, _read_configuration),
    "options": Reader(_make_options, _read_options),
}

"""Checkpoints, histories, results and tunes that somebody made to do harm are refused (about three seconds)."""

from __future__ import annotations

import ast
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small_networks import batch_of, small_lstm, walks
from torch import Tensor, nn

from chromasonic.melody_generation.corpora.packing import pack_melodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.runs.checkpoint import describe, read_checkpoint
from chromasonic.melody_generation.runs.split_tunes import load_split_tunes
from chromasonic.melody_generation.runs.trained_model import load_model, load_run
from chromasonic.melody_generation.runs.training_record import read_results
from chromasonic.melody_generation.training.history import TrainingHistory

SOURCES = Path(__file__).parents[2] / "src"


def checkpoint_of(network: nn.Module, **others: Any) -> dict[str, Any]:
    return {**describe(network), "model_state_dict": network.state_dict(), "epoch": 3, **others}


def refused(read: Callable[[], object], *words: str) -> str:
    """The sentence with which something is refused, soon."""
    began = time.process_time()
    with pytest.raises(InputError) as problem:
        read()
    assert time.process_time() - began < 5
    said = str(problem.value)
    assert "\n" not in said
    assert len(said) < 1000
    for word in words:
        assert word in said
    return said


def squeezed(path: Path) -> Path:
    """The same archive, compressed."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_an_archive_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(checkpoint_of(small_lstm(), padding=torch.zeros(2_000_000)), path)
    assert squeezed(path).stat().st_size < 1_000_000
    refused(lambda: read_checkpoint(path), str(path), "unpacks to more bytes than the file has")


def doubled(times: int) -> Any:
    """A value of a hundred bytes that has two to that power of parts for whoever walks through it."""
    value: Any = ("x",)
    for _ in range(times):
        value = (value, value)
    return value


@pytest.mark.slow
@pytest.mark.parametrize(
    "others",
    [{"calibration": doubled(60)}, {"hyperparameters": {"hidden_size": doubled(60)}}, {"epoch_": {1: doubled(60)}}],
)
def test_values_with_exponentially_many_parts_are_refused(tmp_path: Path, others: dict[str, Any]) -> None:
    path = tmp_path / "model.pt"
    torch.save(checkpoint_of(small_lstm()) | others, path)
    assert path.stat().st_size < 500_000
    refused(lambda: read_checkpoint(path), "holds more than 1000000 values")


@pytest.mark.slow
def test_values_that_contain_themselves_are_refused(tmp_path: Path) -> None:
    itself: list[Any] = []
    itself.append(itself)
    torch.save(checkpoint_of(small_lstm(), calibration=itself), tmp_path / "model.pt")
    refused(lambda: read_checkpoint(tmp_path / "model.pt"), "holds more than 1000000 values")


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (torch.zeros(43, 16, device="meta"), "more than plain values and tensors"),
        (torch.zeros(43, 16).to_sparse(), "more than plain values and tensors"),
        (torch.zeros(16, 43).T, "output.pitch.weight"),
        (torch.zeros(1).expand(43, 16), "a tensor of 688 numbers with bytes for 1"),
    ],
    ids=["meta", "sparse", "turned", "expanded"],
)
def test_weights_without_contiguous_storage_are_refused(tmp_path: Path, weight: Tensor, says: str) -> None:
    network = small_lstm()
    assert network.state_dict()["output.pitch.weight"].shape == weight.shape
    weights = {**network.state_dict(), "output.pitch.weight": weight}
    torch.save(checkpoint_of(network, model_state_dict=weights), tmp_path / "model.pt")
    refused(lambda: load_model(tmp_path / "model.pt"), says)


def counted(kind: type[MarkovNetwork] | type[PPMNetwork]) -> MarkovNetwork | PPMNetwork:
    network = kind()
    network.count(batch_of(walks(4)))
    return network


TABLES: dict[str, Callable[[Tensor, Tensor], dict[str, Any]]] = {
    "negative keys": lambda keys, counts: {"keys": keys - keys.max() - 1},
    "keys that fall": lambda keys, counts: {"keys": keys.flip(0)},
    "a key twice": lambda keys, counts: {"keys": torch.cat([keys[:1], keys[:-1]])},
    "counts of zero": lambda keys, counts: {"counts": counts * 0},
    "counts below zero": lambda keys, counts: {"counts": -counts},
    "counts that are no numbers": lambda keys, counts: {"counts": counts * torch.nan},
    "keys that are no whole numbers": lambda keys, counts: {"keys": keys.double()},
    "more keys than counts": lambda keys, counts: {"counts": counts[:-1]},
    "a table of tables": lambda keys, counts: {"keys": keys[None], "counts": counts[None]},
    "symbols that there are not": lambda keys, counts: {"keys": keys | 4095},
    "keys that take no room": lambda keys, counts: {
        "keys": torch.zeros(1, dtype=torch.long).expand(10**12),
        "counts": torch.ones(1, dtype=torch.long).expand(10**12),
    },
    "keys that are nowhere": lambda keys, counts: {
        "keys": torch.zeros(10**12, dtype=torch.long, device="meta"),
        "counts": torch.ones(10**12, dtype=torch.long, device="meta"),
    },
    "no tensors": lambda keys, counts: {"keys": keys.tolist(), "counts": counts.tolist()},
}


@pytest.mark.parametrize("fault", TABLES)
@pytest.mark.parametrize("kind", [MarkovNetwork, PPMNetwork])
def test_invalid_counts_are_refused(tmp_path: Path, kind: type[MarkovNetwork] | type[PPMNetwork], fault: str) -> None:
    network = counted(kind)
    weights = network.state_dict()
    home = next(name for name in weights if name.endswith("successors.keys")).removesuffix("keys")
    changed = TABLES[fault](weights[f"{home}keys"], weights[f"{home}counts"])
    path = tmp_path / "model.pt"
    torch.save(checkpoint_of(network), path)
    load_model(path)
    weights |= {f"{home}{name}": value for name, value in changed.items()}
    torch.save(checkpoint_of(network, model_state_dict=weights), path)
    is_without_bytes = any(isinstance(value, Tensor) and value.numel() > 10**9 for value in changed.values())
    says = "is no readable checkpoint" if is_without_bytes else "does not fit the network that it names"
    refused(lambda: load_model(path), says)


@pytest.mark.parametrize(
    "changed",
    [{"order": 10**9}, {"order": -1}, {"order": 2.5}, {"orders": 2}, {"order": torch.ones(1)}, {"order": None}],
)
def test_invalid_hyperparameters_of_counting_models_are_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    network = counted(MarkovNetwork)
    torch.save(checkpoint_of(network, hyperparameters=network.hyperparameters | changed), tmp_path / "model.pt")
    refused(lambda: load_model(tmp_path / "model.pt"))


@pytest.mark.parametrize(
    "name", ["os.system", "LSTMNetwork", "chromasonic.melody_generation.networks.lstm", "", "\x1b[31m"]
)
def test_a_network_outside_the_closed_set_is_not_built(tmp_path: Path, name: str) -> None:
    torch.save(checkpoint_of(small_lstm()) | {"network": name}, tmp_path / "model.pt")
    refused(lambda: load_model(tmp_path / "model.pt"), "not built in")


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"epoch": ' * 50_000, "", "nul", '{"epoch": [' + "9" * 5000 + "]}"],
    ids=["lists", "names", "nothing", "half", "digits"],
)
@pytest.mark.parametrize(
    "read", [TrainingHistory.load, lambda path: read_results(path.parents[1])], ids=["history", "results"]
)
def test_invalid_and_hostile_json_is_refused(tmp_path: Path, text: str, read: Callable[[Path], Any]) -> None:
    path = tmp_path / "evaluation" / "results.json"
    path.parent.mkdir()
    path.write_text(text)
    refused(lambda: read(path), str(path))


def test_numbers_that_no_float_holds_are_refused(tmp_path: Path) -> None:
    values = TrainingHistory([1], [1.0], [1.0], [1.0], [1.0], [1.0]).to_dict()
    (tmp_path / "history.json").write_text(json.dumps(values | {"val_loss": [10**400]}))
    refused(lambda: TrainingHistory.load(tmp_path / "history.json"), "64 bits")


def test_tunes_that_unpack_to_a_thousand_times_their_size_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tunes.npz"
    path.write_bytes(pack_melodies(walks(200), {"sides": {"train": 200}, "padding": "x" * 1_000_000}))
    refused(lambda: load_split_tunes(squeezed(path)), str(path), "is compressed")


def test_tunes_that_hold_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "tunes.npz", pitches=np.array([{}]), durations=np.array([{}]))
    refused(lambda: load_split_tunes(tmp_path / "tunes.npz"), "damaged")


def test_a_run_of_inconsistent_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "lstm_checkpoints"
    folder.mkdir()
    torch.save(checkpoint_of(small_lstm(), test_set_hash="0" * 16), folder / "melody_lstm_best.pt")
    (tmp_path / "tunes.npz").write_bytes(pack_melodies(walks(3), {"sides": {"train": 1, "validation": 1, "test": 1}}))
    refused(lambda: load_run(tmp_path), "from another run")


def unsafe_calls(source: str) -> list[str]:
    """Calls by which a file could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name, values = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
        is_safe_load = (
            values.get("weights_only") == "True" if name == "torch.load" else values.get("allow_pickle") == "False"
        )
        if name in {"torch.load", "np.load", "numpy.load"} and not is_safe_load:
            found.append(ast.unparse(node))
        if name in {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}:
            found.append(ast.unparse(node))
        if name.split(".")[0] in {"pickle", "subprocess", "marshal", "shelve", "dill", "joblib"}:
            found.append(ast.unparse(node))
        if name.endswith(".fit") and "ckpt_path" in values and values.get("weights_only") != "True":
            found.append(ast.unparse(node))
    return found


def test_nothing_in_the_package_executes_a_file_that_it_reads() -> None:
    files = sorted(SOURCES.rglob("*.py"))
    assert len(files) > 50
    found = {file.name: calls for file in files if (calls := unsafe_calls(file.read_text(encoding="utf-8")))}
    (asks_git,) = found.pop("provenance.py")  # about this clone, with fixed arguments
    assert asks_git.startswith("subprocess.run(['git', '-C', str(_PROJECT), *question]")
    (runs_a_plan,) = found.pop("runner.py")  # the commands of this package, with options from the user's plan
    assert runs_a_plan.startswith("subprocess.Popen(command,")
    (reads_music,) = found.pop("reader_process.py")  # this package's own reader of files
    assert reads_music.startswith("subprocess.Popen(command,")
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)", "torch.load(path, weights_only=False)", "torch.load(path, weights_only=flag)",
        "eval(text)", "pickle.loads(data)", "np.load(path)", "np.load(path, allow_pickle=True)",
        "trainer.fit(module, ckpt_path=path)",
        "subprocess.run(['ls'])", "yaml.load(text)",
    ],
)  # fmt: skip
def test_the_search_for_unsafe_calls_can_fail(source: str) -> None:
    assert unsafe_calls(source) == [ast.unparse(ast.parse(source))]

import pickle
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import SMALL_NETWORKS, batch_of, small_lstm, user_network, walks
from torch import nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import read_tunes
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.runs import checkpoint
from chromasonic.melody_generation.runs.checkpoint import FORMAT, describe, network_name, read_checkpoint
from chromasonic.melody_generation.runs.layout import CheckpointLayout
from chromasonic.melody_generation.runs.trained_model import load_model
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def checkpoint_of(network: nn.Module, **changes: Any) -> dict[str, Any]:
    return {**describe(network), "model_state_dict": network.state_dict(), "epoch": 3, **changes}


def saved(path: Path, network: nn.Module | None = None, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint_of(network or small_lstm(), **changes), path)
    return path


def refusal_of(path: Path, read: Callable[[Path], object] = load_model) -> str:
    """Return the sentence with which a checkpoint is refused."""
    with pytest.raises(InputError) as refused:
        read(path)
    message = str(refused.value)
    assert str(path) in message
    assert "\n" not in message
    assert "\x1b" not in message
    return message


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_a_checkpoint_rebuilds_the_same_network(name: str, tmp_path: Path) -> None:
    network = SMALL_NETWORKS[name]().eval()
    rebuilt = load_model(saved(tmp_path / "model.pt", network))
    tokens = batch_of(walks(2))
    torch.testing.assert_close(rebuilt(tokens), network(tokens), rtol=0, atol=0)
    assert type(rebuilt.network) is type(network)
    assert not rebuilt.network.training


def test_a_run_directory_loads_its_best_checkpoint_and_a_copied_file_loads_alone(tmp_path: Path) -> None:
    networks = {kind: small_lstm().eval() for kind in ("best", "last")}
    folder = tmp_path / "run" / "lstm_checkpoints"
    for kind, network in networks.items():
        saved(folder / f"melody_lstm_{kind}.pt", network)
    alone = tmp_path / "elsewhere" / "production.pt"
    alone.parent.mkdir()
    shutil.copy(folder / "melody_lstm_best.pt", alone)
    tokens = batch_of(walks(1))
    for path in (tmp_path / "run", str(tmp_path / "run"), folder / "melody_lstm_best.pt", alone):
        torch.testing.assert_close(load_model(path)(tokens), networks["best"](tokens), rtol=0, atol=0)


def test_a_run_without_a_last_checkpoint_is_found_by_its_best(tmp_path: Path) -> None:
    saved(tmp_path / "lstm_checkpoints" / "melody_lstm_best.pt")
    files = CheckpointLayout.find(tmp_path)
    assert (files.directory, files.model_name) == (tmp_path / "lstm_checkpoints", "melody_lstm")


def test_files_of_a_run_are_named_after_the_model() -> None:
    files = CheckpointLayout(Path("run"), "my_model")
    names = [path.name for path in (files.best, files.last, files.final, files.epoch(10), files.history, files.curves)]
    endings = ("best.pt", "last.pt", "final.pt", "epoch_10.pt", "history.json", "curves.png")
    assert names == [f"my_model_{ending}" for ending in endings]


def test_only_built_in_networks_have_a_name() -> None:
    class Variant(LSTMNetwork):
        pass

    assert [network_name(make()) for make in SMALL_NETWORKS.values()] == ["lstm"] * 3 + ["transformer"] * 3
    assert network_name(Variant(8, 1)) == network_name(user_network()) == "custom"


def test_weights_of_a_users_module_are_read_and_load_model_refuses_it(tmp_path: Path) -> None:
    network = user_network()
    network.hyperparameters = object()  # type: ignore[assignment]  # a user may give the name another meaning
    path = saved(tmp_path / "own.pt", network)
    again = user_network()
    again.load_state_dict(read_checkpoint(path).weights)
    assert "build it yourself and call load_state_dict" in refusal_of(path)


def test_a_checkpoint_without_the_hyperparameter_position_has_positions(tmp_path: Path) -> None:
    network = small_lstm().eval()
    older = {name: value for name, value in network.hyperparameters.items() if name != "position"}
    rebuilt = load_model(saved(tmp_path / "model.pt", network, hyperparameters=older))
    tokens = batch_of(walks(2))
    assert rebuilt.network.hyperparameters == network.hyperparameters
    assert torch.equal(rebuilt(tokens), network(tokens))


def test_a_checkpoint_of_an_older_format_is_refused(tmp_path: Path) -> None:
    """Even if its weights and its vocabulary would fit."""
    for number in (1, FORMAT - 1, FORMAT + 1):
        message = refusal_of(saved(tmp_path / "model.pt", format=number))
        assert f"is written in format {number}, this version reads format {FORMAT}" in message
        assert "load it with the version of Chromasonic that made it" in message


def test_the_names_of_corpora_travel_in_the_checkpoint(tmp_path: Path) -> None:
    corpora = ["unknown", "my tunes", "nottingham"]
    model = load_model(saved(tmp_path / "model.pt", corpora=corpora, corpus="my tunes"))
    assert model.vocabulary.corpora == tuple(corpora)
    assert model.corpus == "my tunes"
    assert {melody.corpus for melody in generate(model, count=2, notes=3)} == {"my tunes"}
    assert {melody.corpus for melody in generate(model, count=2, notes=3, corpus="nottingham")} == {"nottingham"}
    with pytest.raises(InputError, match=r"no corpus is called 'airds'.* there are unknown, my tunes, nottingham"):
        generate(model, notes=3, corpus="airds")
    # Tunes are scored with the model's own names. A network alone has those of this version.
    tune, corpora_seen = Melody([60, 62], [24, 24], corpus="my tunes"), []
    model.network.get_submodule("embedding").register_forward_pre_hook(
        lambda _, inputs: corpora_seen.append(NoteVocabulary().name(int(inputs[0][0, 0])))
    )
    for reader, name in ((model, "<corpus:1>"), (model.network, "<corpus:0>")):
        corpora_seen.clear()
        read_tunes(reader, [tune])
        assert set(corpora_seen) == {name}


def test_hyperparameters_of_numpy_types_are_saved_as_plain_values(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt", LSTMNetwork(8, 1, dropout=np.float64(0.5)))
    assert load_model(path).network.hyperparameters["dropout"] == 0.5  # type: ignore[index]


@pytest.mark.parametrize("part", ["model_state_dict", "epoch", "format", "network", "hyperparameters", "vocabulary"])
@pytest.mark.parametrize("instead", [None, 1.5, [1], torch.zeros(2)])
def test_a_missing_part_or_one_of_another_type_is_named(tmp_path: Path, part: str, instead: Any) -> None:
    path, values = tmp_path / "model.pt", checkpoint_of(small_lstm())
    torch.save(values | {part: instead}, path)
    assert f"it lacks {part}" in refusal_of(path)
    del values[part]
    torch.save(values, path)
    assert f"it lacks {part}" in refusal_of(path)


def test_another_vocabulary_or_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    message = refusal_of(saved(tmp_path / "model.pt", vocabulary="0123456789abcdef"))
    assert "another vocabulary (0123456789abcdef" in message
    assert NoteVocabulary().fingerprint in message
    assert f"format 99, this version reads format {FORMAT}" in refusal_of(saved(tmp_path / "model.pt", format=99))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "no named values"),
        ({}, "it lacks model_state_dict"),
        (small_lstm().state_dict(), "it lacks model_state_dict"),
    ],
)
def test_other_values_that_torch_loads_are_refused(tmp_path: Path, values: Any, message: str) -> None:
    path = tmp_path / "model.pt"
    torch.save(values, path)
    assert message in refusal_of(path)


@pytest.mark.parametrize(
    "contents", [b"", b"\n", b"Dear reader,\nthis is text.\n", b"PK\x03\x04", b"\x80\x02.", b"\x80\x04K\x01."]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(contents)
    refusal_of(path)


class _Executes:
    """A value that creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_code_in_a_file_is_not_executed(tmp_path: Path, save: Callable[[Any, Path], Any]) -> None:
    touched, path = tmp_path / "touched", tmp_path / "model.pt"
    save({**checkpoint_of(small_lstm()), "epoch": _Executes(touched)}, path)
    assert "more than plain values and tensors" in refusal_of(path)
    assert not touched.exists()
    if save is torch.save:
        torch.load(path, weights_only=False)
    else:
        pickle.loads(path.read_bytes())
    assert touched.exists()  # so loading it without weights_only executes the code


WHOLE = small_lstm()


@given(st.data())
def test_a_damaged_file_is_read_or_raises_an_input_error(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder) / "model.pt", WHOLE)
        contents = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            del contents[data.draw(st.integers(0, len(contents) - 1)) :]
        for _ in range(data.draw(st.integers(0, 10))):
            if contents:  # the pickle is in the first bytes
                contents[data.draw(st.integers(0, min(6000, len(contents)) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(contents)
        with suppress(InputError):
            load_model(path)


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {"hidden_size": 10**9},
        {"hidden_size": 10**30},
        {"num_layers": 10**9},
        {"hidden_size": 10**9, "num_layers": 10**9},
        {"hidden_size": 32},
        {"hidden_size": -1},
        {"hidden_size": "16"},
        {"hidden_size": [16]},
        {"num_layers": "2"},
        {"memory": False},
        {"position": False},
        {"dropout": 2.0},
        {"width": 16},
        {1: 2},
    ],
)
def test_hyperparameters_that_do_not_fit_the_weights_are_refused(
    tmp_path: Path, hyperparameters: dict[Any, Any]
) -> None:
    network = small_lstm()
    values = network.hyperparameters | hyperparameters
    message = refusal_of(saved(tmp_path / "model.pt", network, hyperparameters=values))
    assert "does not fit the network that it names, 'lstm'" in message or "more than 64 bits" in message


@pytest.mark.parametrize("weight", [torch.zeros(3), torch.zeros(48, 16), "text", None])
def test_a_weight_of_another_shape_or_type_is_named(tmp_path: Path, weight: Any) -> None:
    network = small_lstm()
    weights = {**network.state_dict(), "output.pitch.weight": weight}
    message = refusal_of(saved(tmp_path / "model.pt", network, model_state_dict=weights))
    assert "'output.pitch.weight' should be of shape" in message


def test_an_expanded_weight_is_refused(tmp_path: Path) -> None:
    network = small_lstm()
    shape = network.state_dict()["output.pitch.weight"].shape
    weights = {**network.state_dict(), "output.pitch.weight": torch.zeros(1).expand(shape)}
    message = refusal_of(saved(tmp_path / "model.pt", network, model_state_dict=weights))
    assert f"a tensor of {shape.numel()} numbers with bytes for 1" in message


def test_missing_checkpoints_and_runs_are_refused(tmp_path: Path) -> None:
    assert "there is no checkpoint" in refusal_of(tmp_path / "nothing.pt")
    assert "holds no checkpoint" in refusal_of(tmp_path)
    assert "there is no run directory" in refusal_of(tmp_path / "nothing", CheckpointLayout.find)


def test_a_file_without_read_permission_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = saved(tmp_path / "model.pt")
    monkeypatch.setattr(checkpoint, "read_regular_file", refuse)
    assert refusal_of(path).endswith("cannot be read: Permission denied")


def _while_handling(problem: BaseException) -> Exception:
    following = ValueError("I/O operation on closed file.")
    following.__context__ = problem
    return following


@pytest.mark.parametrize(
    "problem",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), _while_handling(MemoryError())],
)
@pytest.mark.parametrize("function", ["load_values", "_rebuild"])
def test_a_lack_of_memory_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, problem: Exception
) -> None:
    def lacks(*_: object) -> None:
        raise problem

    path = tmp_path / "model.pt"
    torch.save({**describe(small_lstm()), "model_state_dict": small_lstm().state_dict(), "epoch": 1}, path)
    read_checkpoint(path).build_network()
    monkeypatch.setattr(checkpoint, function, lacks)
    with pytest.raises(InputError, match=r"not enough memory for the checkpoint .*model.pt of \d+ bytes"):
        read_checkpoint(path).build_network()

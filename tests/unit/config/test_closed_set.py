"""Which classes and arguments a run directory may name."""

from __future__ import annotations

import inspect
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import get_object
from omegaconf import OmegaConf

from chromasonic.config.build import build
from chromasonic.config.closed_set import (
    ARGUMENTS,
    PATHS,
    TRUSTED,
    check_closed_set,
    check_node,
    place_to_write,
    reaches_in,
    restricted,
    without_other_logger_settings,
)
from chromasonic.melody_generation.errors import InputError

PACKAGE = "chromasonic.melody_generation."
CSV = "lightning.pytorch.loggers.CSVLogger"
TENSORBOARD = f"{PACKAGE}training.tensorboard.PairedTensorBoardLogger"
# Arguments of our own classes that no run directory may name: the run sets them, or they are an address or an object.
LEFT_OUT = {
    f"{PACKAGE}data_loader.MelodyDataModule": {"seed", "guard"},
    f"{PACKAGE}corpora.nottingham.NottinghamCorpus": {"base_url"},
    f"{PACKAGE}training.progress.EpochProgress": {"terminal"},
    TENSORBOARD: {"directory"},
}
# Arguments of our own classes that are texts; each must be a choice, or one of PATHS.
TEXTS = {
    ("networks.ppm.PPMNetwork", "models"),
    *(("corpora.files.FilesCorpus", name) for name in ("folder", "part")),
    ("mixture_of", "runs"),
}
ALL = [(place, target, arguments.split()) for place, table in ARGUMENTS.items() for target, arguments in table.items()]


@pytest.mark.parametrize(("place", "target", "arguments"), ALL)
def test_the_table_names_arguments_that_there_are(place: str, target: str, arguments: list[str]) -> None:
    parameters = inspect.signature(get_object(target)).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    assert set(arguments) <= parameters.keys(), place


@pytest.mark.parametrize(("place", "target", "arguments"), ALL)
def test_our_own_classes_take_numbers_choices_and_named_paths(place: str, target: str, arguments: list[str]) -> None:
    """A new argument of one of our classes belongs into the table, or into ``LEFT_OUT`` above."""
    if not target.startswith(PACKAGE):
        return
    built = get_object(target)
    named = {name for name, each in inspect.signature(built).parameters.items() if each.kind is not each.VAR_KEYWORD}
    assert named == set(arguments) | LEFT_OUT.get(target, set())
    hints = typing.get_type_hints(built.__init__ if inspect.isclass(built) else built)
    for name in arguments:
        is_text = any((target.endswith(kind), name) == (True, text) for kind, text in TEXTS)
        assert is_text or name == "corpus" or is_harmless(hints[name]), f"{place}: {target} {name}"


def is_harmless(hint: Any) -> bool:
    """Whether a type holds nothing but numbers and choices."""
    if typing.get_origin(hint) is typing.Literal:
        return True
    members = typing.get_args(hint)
    return all(map(is_harmless, members)) if members else hint in {int, float, bool, type(None)}


REFUSED = [
    ("model", {"_target_": f"{PACKAGE}networks.lstm.LSTMNetwork", "_args_": [1]}),
    ("model", {"_target_": f"{PACKAGE}networks.lstm.LSTMNetwork", "_convert_": "none"}),
    ("model", {"_target_": f"{PACKAGE}networks.lstm.LSTMNetwork", "hidden_size": {"_target_": "os.getpid"}}),
    ("model", {"_target_": f"{PACKAGE}networks.lstm.LSTMNetwork", "width": 7}),
    ("model", {"_target_": f"{PACKAGE}corpora.files.FilesCorpus", "folder": "x"}),
    ("model", {"_target_": f"{PACKAGE}runs.trained_model.load_model", "path": "x"}),
    ("model", {"_partial_": {"_target_": "os.getpid"}}),
    ("optimizer", {"_target_": "torch.optim.SGD", "_partial_": True, "params": [1]}),
    ("optimizer", {"_target_": "torch.optim.lr_scheduler.StepLR"}),
    ("optimizer", {"_target_": "torch.optim.swa_utils.AveragedModel"}),
    ("optimizer", {"_target_": f"{PACKAGE}networks.lstm.LSTMNetwork"}),
    ("dataset.corpus", {"_target_": f"{PACKAGE}corpora.nottingham.NottinghamCorpus", "base_url": "http://a/"}),
    ("dataset.other", {"_target_": f"{PACKAGE}corpora.files.FilesCorpus", "folder": "x"}),
    ("trainer", {"_target_": "lightning.Trainer", "plugins": None}),
    ("trainer", {"_target_": "lightning.Trainer", "profiler": "simple"}),
    ("trainer", {"_target_": "lightning.Trainer", "default_root_dir": "/elsewhere"}),
    ("trainer", {"_target_": "lightning.Trainer", "logger": True}),
    ("trainer", {"_target_": "lightning.Trainer", "callbacks": []}),
    ("trainer", {"_target_": "lightning.Trainer", "model_registry": "x"}),
    ("trainer", {"_target_": "lightning.Trainer", "strategy": "deepspeed"}),
    ("trainer", {"_target_": "lightning.Trainer", "accelerator": "theirs"}),
    ("callbacks.a", {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "/elsewhere"}),
    ("callbacks.a", {"_target_": "lightning.pytorch.callbacks.RichProgressBar", "console_kwargs": {}}),
    ("callbacks.a", {"_target_": "lightning.pytorch.callbacks.StochasticWeightAveraging", "avg_fn": "x"}),
    ("callbacks.a.b", {"_target_": "lightning.pytorch.callbacks.LearningRateMonitor"}),
    ("callbacks.a/b", {"_target_": "lightning.pytorch.callbacks.LearningRateMonitor", "../x": 1}),
    ("logger.a", {"_target_": CSV, "save_dir": "/elsewhere"}),
    ("logger.a", {"_target_": CSV, "version": "../.."}),
    ("logger.a", {"_target_": TENSORBOARD, "directory": "/elsewhere"}),
    ("logger.a", {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "sub_dir": "../.."}),
    ("choices", {"_target_": "os.getpid"}),
    ("choices", {"../x": "a"}),
    ("trainer", {"_target_": "lightning.Trainer", "max_steps": 16**5000}),
    ("", {"_target_": "os.getpid"}),
]


@pytest.mark.parametrize(("name", "node"), REFUSED)
def test_what_is_not_in_the_table_is_refused(name: str, node: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRUSTED, raising=False)
    with pytest.raises(InputError, match="run"):
        check_node(name, node)


@pytest.mark.parametrize(("name", "node"), REFUSED)
def test_what_is_not_in_the_table_is_not_built_from_a_run_directory(
    name: str, node: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRUSTED, raising=False)
    built = []
    monkeypatch.setattr("chromasonic.config.build.instantiate", lambda *given, **extra: built.append((given, extra)))
    with pytest.raises(InputError):
        build(name, restricted({"node": node}).node)
    assert built == []
    build(name, OmegaConf.create({"node": node}).node)  # the user may type any of them
    assert len(built) == 1


def test_a_node_whose_values_still_refer_to_others_after_resolving_is_never_built() -> None:
    config = OmegaConf.create({"a": "$", "b": "{oc.env:HOME}", "node": {"_target_": "builtins.dict", "x": "${a}${b}"}})
    with pytest.raises(InputError, match=r"node\.x refers to something else"):
        build("node", config.node)


@pytest.fixture
def my_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of the user's own that is trusted; like most, it imports others."""
    folder = tmp_path / "my_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("import os\nfrom torch import load\nfrom my_package.networks import Network\n")
    (folder / "__main__.py").write_text("raise SystemExit('started')\n")
    (folder / "networks.py").write_text(
        "from torch import nn\n"
        "class Network(nn.Module):\n"
        "    def __init__(self, width=1, **others): super().__init__()\n"
        "    @classmethod\n"
        "    def load(cls, path): raise AssertionError\n"
        "def width(): return 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(TRUSTED, "other, my_package")
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        monkeypatch.delitem(sys.modules, name)


TRUSTED_NODE = {"_target_": "my_package.Network", "any": [1], "width": {"_target_": "my_package.networks.width"}}


@pytest.mark.usefixtures("my_package")
def test_a_class_of_a_trusted_package_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for values in ({"model": TRUSTED_NODE}, {"callbacks": {"a": TRUSTED_NODE}}, {"dataset": {"corpus": TRUSTED_NODE}}):
        check_closed_set(values)
    assert type(build("model", restricted({"model": TRUSTED_NODE}).model)).__name__ == "Network"
    monkeypatch.setenv(TRUSTED, "my_package.networks")
    with pytest.raises(InputError, match=f"set {TRUSTED} to its package"):
        check_closed_set({"model": TRUSTED_NODE})
    check_closed_set({"model": TRUSTED_NODE | {"_target_": "my_package.networks.Network"}})


@pytest.mark.usefixtures("my_package")
@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("model", {"_target_": "my_package.os.path.join", "a": "x"}),
        ("model", {"_target_": "my_package.load", "f": "x"}),
        ("model", {"_target_": "my_package.networks.nn.Linear", "in_features": 1}),
        ("model", {"_target_": "my_package.Network.load", "path": "x"}),
        ("model", {"_target_": "my_package.Network.forward"}),
        ("model", {"_target_": "my_package.__main__.x"}),
        ("model", {"_target_": "my_package.nothing"}),
        ("model", {"_target_": "my_packages.Network"}),
        ("model", {"_target_": "my_package.Network", "_args_": [1]}),
        ("model", {"_target_": "my_package.Network", "a": {"_target_": "torch.load", "f": "x"}}),
        ("model", {"_target_": "my_package.Network", "a": [{"b": {"_target_": "torch.load", "f": "x"}}]}),
        ("callbacks.a", {"_target_": "my_package.Network", "a": {"_target_": "my_package.os.path.join", "a": 1}}),
        ("trainer", {"_target_": "my_package.Network"}),
        ("epochs", {"_target_": "my_package.networks.width"}),
        ("", {"_target_": "my_package.networks.width"}),
    ],
)
def test_nothing_else_is_reached_through_a_trusted_package(name: str, node: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"_target_|_args_"):
        check_node(name, node)


def test_the_program_decides_where_loggers_write(tmp_path: Path) -> None:
    for target in ARGUMENTS["logger.*"]:
        told = place_to_write({"_target_": target}, tmp_path / "logs")
        logger = build("logger.a", restricted({"a": {"_target_": target}}).a, **told)
        assert Path(logger.log_dir) == tmp_path / "logs"
        typed = dict.fromkeys(told, "x")
        assert place_to_write({"_target_": target} | typed, tmp_path) == {}
        kept = without_other_logger_settings({"logger": {"a": {"_target_": target} | typed, "none": None}})
        assert kept == {"logger": {"a": {"_target_": target}, "none": None}}


def test_the_paths_of_a_configuration_are_found() -> None:
    values = {
        "dataset": {"corpus": {"folder": "tunes"}},
        "guard": None,
        "init_from": "a",
        "teacher": None,
        "model": {"runs": ["a", "b"]},
    }
    assert reaches_in(values) == {"dataset.corpus.folder": "tunes", "init_from": "a", "model.runs": "['a', 'b']"}
    assert reaches_in(values).keys() <= set(PATHS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_nodes", 2), ("devices", 3), ("devices", [0, 1]), ("devices", -1), ("strategy", "ddp")],
)
def test_other_processes_machines_and_ports_are_found(name: str, value: object) -> None:
    assert reaches_in({"trainer": {name: value}}) == {f"trainer.{name}": str(value)}
    assert reaches_in({"trainer": {"num_nodes": 1, "devices": "auto", "strategy": "auto"}}) == {}

"""The classes that a run directory may name, by their place in the configuration, with the arguments of each.

A run directory may come from a stranger. An argument that is an object, an address or a folder to write to is in none
of these tables. The values that are folders to read from are in ``PATHS``.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from chromasonic.melody_generation.atomic_files import JsonObject
from chromasonic.melody_generation.errors import InputError, did_you_mean

TRUSTED = "CHROMASONIC_TRUSTED_PACKAGES"

_PACKAGE = "chromasonic.melody_generation."
_DATA_MODULE = {
    f"{_PACKAGE}data_loader.MelodyDataModule": "corpus batch_size min_melody_length max_melody_length split_seed "
    "held_out train_share pitch transpositions"
}
_CORPORA = {
    f"{_PACKAGE}corpora.nottingham.NottinghamCorpus": "repeats",
    f"{_PACKAGE}corpora.folk.FolkCorpus": "oneills airds ryans essen nottingham ceolrince folkwiki",
    f"{_PACKAGE}corpora.ceolrince.CeolRinceCorpus": "",
    f"{_PACKAGE}corpora.folkwiki.FolkWikiCorpus": "",
    f"{_PACKAGE}corpora.files.FilesCorpus": "folder part",
    f"{_PACKAGE}corpora.synthetic.SyntheticCorpus": "num_sequences seed",
}
_TRAINER = (
    "accelerator strategy devices num_nodes precision fast_dev_run max_epochs min_epochs max_steps min_steps max_time "
    "limit_train_batches limit_val_batches limit_test_batches limit_predict_batches overfit_batches val_check_interval "
    "check_val_every_n_epoch num_sanity_val_steps log_every_n_steps enable_checkpointing enable_model_summary "
    "accumulate_grad_batches gradient_clip_val gradient_clip_algorithm deterministic benchmark inference_mode "
    "use_distributed_sampler detect_anomaly sync_batchnorm reload_dataloaders_every_n_epochs"
)
# Place in the configuration -> class or function -> its arguments. The star is any name.
ARGUMENTS: dict[str, dict[str, str]] = {
    "model": {
        f"{_PACKAGE}networks.lstm.LSTMNetwork": "hidden_size num_layers dropout memory position",
        f"{_PACKAGE}networks.transformer.TransformerNetwork": "hidden_size num_layers num_heads dropout memory "
        "position",
        f"{_PACKAGE}networks.markov.MarkovNetwork": "order",
        f"{_PACKAGE}networks.ppm.PPMNetwork": "long_order short_order short_weight bias models update_exclusion",
        f"{_PACKAGE}networks.countmix.CountMixNetwork": "weight_tokens",
        f"{_PACKAGE}training.run_mixture.mixture_of": "runs by_match",
    },
    "dataset": _DATA_MODULE,
    "dataset.corpus": _CORPORA,
    "guard": _DATA_MODULE,
    "guard.corpus": _CORPORA,
    "scheduler": {
        f"{_PACKAGE}training.schedules.Constant": "",
        f"{_PACKAGE}training.schedules.Cosine": "min_lr",
        f"{_PACKAGE}training.schedules.OneCycle": "warm_up",
        f"{_PACKAGE}training.schedules.ReduceOnPlateau": "factor patience min_lr",
        f"{_PACKAGE}training.schedules.Step": "step_size gamma",
    },
    "trainer": {"lightning.Trainer": _TRAINER, "lightning.pytorch.Trainer": _TRAINER},
    "callbacks.*": {
        f"{_PACKAGE}training.progress.EpochProgress": "",
        f"{_PACKAGE}training.sample_logger.SampleLogger": "every_n_epochs max_notes seed",
        "lightning.pytorch.callbacks.DeviceStatsMonitor": "cpu_stats",
        "lightning.pytorch.callbacks.EarlyStopping": "monitor min_delta patience verbose mode strict check_finite "
        "stopping_threshold divergence_threshold check_on_train_epoch_end log_rank_zero_only",
        "lightning.pytorch.callbacks.GradientAccumulationScheduler": "scheduling",
        "lightning.pytorch.callbacks.LearningRateMonitor": "logging_interval log_momentum log_weight_decay",
        "lightning.pytorch.callbacks.ModelSummary": "max_depth",
        "lightning.pytorch.callbacks.RichModelSummary": "max_depth",
        "lightning.pytorch.callbacks.RichProgressBar": "refresh_rate leave",
        "lightning.pytorch.callbacks.StochasticWeightAveraging": "swa_lrs swa_epoch_start annealing_epochs "
        "annealing_strategy",
        "lightning.pytorch.callbacks.TQDMProgressBar": "refresh_rate process_position leave",
        "lightning.pytorch.callbacks.Timer": "duration interval verbose",
        "lightning.pytorch.callbacks.WeightAveraging": "use_buffers",
    },
    "logger.*": {
        f"{_PACKAGE}training.tensorboard.PairedTensorBoardLogger": "",
        "lightning.pytorch.loggers.CSVLogger": "prefix",
        "lightning.pytorch.loggers.TensorBoardLogger": "log_graph default_hp_metric prefix",
    },
}
# Values that name folders or files to read from.
PATHS = ("dataset.corpus.folder", "guard.corpus.folder", "init_from", "teacher", "model.runs")
# Values of the trainer that start no other process, wait for no other machine, and open no port.
_OF_ONE_PROCESS = {"trainer.num_nodes": {"1"}, "trainer.devices": {"auto", "1"}, "trainer.strategy": {"auto"}}
# Where a run directory may name a class of a package that the user trusts.
_TRUSTED_PLACES = ("model", "dataset.corpus", "guard.corpus", "optimizer", "scheduler", "callbacks.*", "logger.*")
# Arguments with which loggers are told where to write.
_WHERE_TO_WRITE = ("directory", "save_dir", "name", "version")
# The names of Lightning's strategies import what they need, such as DeepSpeed.
_TRAINER_TEXTS = {"accelerator": r"auto|cpu|gpu|cuda|mps|tpu", "strategy": r"auto|(?:ddp|fsdp)\w*"}
_NAME = re.compile(r"\w[\w .+-]{0,99}")
_MAX_BITS = 63
_RESTRICTED = "is_restricted"


def restricted(values: JsonObject) -> DictConfig:
    """Return a configuration from which objects of the closed set alone are built.

    Args:
        values: The configuration, as plain values.
    """
    return OmegaConf.create(values, flags={_RESTRICTED: True})


def is_restricted(node: DictConfig) -> bool:
    """Return whether a node belongs to a configuration from which objects of the closed set alone are built."""
    return bool(node._get_flag(_RESTRICTED))  # OmegaConf has no public way to read flags of one's own


def check_closed_set(values: JsonObject) -> None:
    """Raise if a configuration of plain values names a class or an argument that a run directory may not name.

    Raises:
        InputError: With the name of the value.
    """
    check_node("", values)
    choices = values.get("choices")
    for group, choice in choices.items() if isinstance(choices, dict) else ():
        if not _NAME.fullmatch(str(choice)):  # it becomes part of the names of files
            raise InputError(f"choices.{group}={str(choice)[:80]} is no name of a choice")


def check_node(name: str, node: Any) -> None:
    """Raise if a node, or one below it, names a class or an argument that a run directory may not name.

    Args:
        name: The dotted name of the node, which decides what it may be.
        node: The node, as plain values.

    Raises:
        InputError: With the name of the value.
    """
    _check_node(name, node, is_below_trusted=False)


def _check_node(name: str, node: Any, *, is_below_trusted: bool) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            _check_node(f"{name}.{index}", item, is_below_trusted=is_below_trusted)
    if not isinstance(node, dict):
        return
    place, target = re.sub(r"^(callbacks|logger)\.[^.]*$", r"\1.*", name), node.get("_target_")
    is_trusted = (is_below_trusted or place in _TRUSTED_PLACES) and _is_trusted(f"{name}._target_", target)
    # The arguments of the user's own classes have any name. Nodes among them are checked like all others.
    arguments = _arguments_of(place, name, target) if "_target_" in node and not is_trusted else None
    for key, value in node.items():
        full_name = f"{name}.{key}".removeprefix(".")
        is_own_of_hydra = key == "_target_" or (key == "_partial_" and isinstance(value, bool))
        if not (is_own_of_hydra or _NAME.fullmatch(str(key))) or (str(key).startswith("_") and not is_own_of_hydra):
            raise InputError(f"{full_name[:80]!r} is no name that a value of a run may have")
        if arguments is not None and not is_own_of_hydra and key not in arguments:
            hint = did_you_mean(str(key), arguments)
            raise InputError(f"{full_name} is no argument that a run directory may name{hint}")
        if isinstance(value, int) and value.bit_length() > _MAX_BITS:
            raise InputError(f"{full_name} is a number of more than {_MAX_BITS} bits, which no value of a run may be")
        _check_node(full_name, value, is_below_trusted=is_trusted)
    for key, pattern in _TRAINER_TEXTS.items() if name == "trainer" else ():
        if not re.fullmatch(pattern, str(node.get(key, "auto"))):
            raise InputError(f"{name}.{key}={str(node[key])[:80]} is not what a run directory may name")


def _arguments_of(place: str, name: str, target: Any) -> list[str]:
    """Return the arguments that the class of a node may have.

    Raises:
        InputError: If a run directory may not name the class there.
    """
    arguments = ARGUMENTS.get(place, {})
    if isinstance(target, str) and target in arguments:
        return arguments[target].split()
    if place == "optimizer" and (optimizer := _optimizer(target)) is not None:
        return [parameter for parameter in inspect.signature(optimizer).parameters if parameter != "params"]
    full_name = f"{name}._target_".removeprefix(".")
    raise InputError(
        f"{full_name} is {str(target)[:80]}, which is none of the classes that a run directory may name there; "
        f"if it is your own, set {TRUSTED} to its package"
    )


def _optimizer(target: Any) -> Any:
    """Return the optimizer of torch with a name, decided by the name before anything is imported for it."""
    if not isinstance(target, str) or not re.fullmatch(r"torch\.optim(?:\.[a-z]\w*)?\.[A-Z]\w*", target):
        return None
    try:
        named = get_object(target)
    except Exception:  # there is no such object
        return None
    # A name may lead through an import of a module: only optimizers that torch.optim defines count.
    bases = [f"{base.__module__}.{base.__name__}" for base in inspect.getmro(named)] if inspect.isclass(named) else []
    return (
        named if bases and bases[0].startswith("torch.optim.") and "torch.optim.optimizer.Optimizer" in bases else None
    )


def _is_trusted(name: str, target: Any) -> bool:
    """Return whether a target is a class or function of a package that the user trusts.

    Raises:
        InputError: If it is something else that can be reached through such a package.
    """
    packages = os.environ.get(TRUSTED, "").replace(" ", "").split(",")
    if not isinstance(target, str) or not re.fullmatch(r"(?!__)[^\W\d]\w*(?:\.(?!__)[^\W\d]\w*)+", target):
        return False
    if not any(_is_within(target, package) for package in packages):
        return False
    try:
        named = get_object(target)
    except Exception as problem:  # a module of the user's own can raise anything when it is imported
        raise InputError(f"{name} is {target[:80]}, which cannot be imported: install its package") from problem
    # A name may lead through an import of another module, or to a method that another package defines.
    is_own = (inspect.isclass(named) or inspect.isfunction(named)) and "." not in named.__qualname__
    if not is_own or not any(_is_within(named.__module__, package) for package in packages):
        raise InputError(
            f"{name} is {target[:80]}, which is no class or function that a package in {TRUSTED} defines at the top of "
            "a module"
        )
    return True


def _is_within(name: str, package: str) -> bool:
    return bool(package) and f"{name}.".startswith(f"{package}.")


def without_other_logger_settings(values: JsonObject) -> JsonObject:
    """Return a configuration whose loggers have no settings that a run directory may not name.

    They are not refused, since they do not change a result: where loggers write, the program decides.
    """
    loggers = values.get("logger")
    if not isinstance(loggers, dict):
        return values
    return values | {"logger": {name: _with_own_arguments(node) for name, node in loggers.items()}}


def _with_own_arguments(logger: Any) -> Any:
    target = str(logger.get("_target_")) if isinstance(logger, dict) else ""
    if target not in ARGUMENTS["logger.*"]:
        return logger
    names = {"_target_", *ARGUMENTS["logger.*"][target].split()}
    return {name: value for name, value in logger.items() if name in names}


def place_to_write(logger: Any, folder: Path) -> JsonObject:
    """Return the arguments that tell a logger to write into a folder, unless it has its own.

    Args:
        logger: The node of the logger; anything else has no such arguments.
        folder: The folder.
    """
    arguments: dict[str, JsonObject] = {
        f"{_PACKAGE}training.tensorboard.PairedTensorBoardLogger": {"directory": str(folder)},
        "lightning.pytorch.loggers.CSVLogger": {"save_dir": str(folder), "name": "", "version": ""},
        "lightning.pytorch.loggers.TensorBoardLogger": {"save_dir": str(folder), "name": "", "version": ""},
    }
    if not isinstance(logger, Mapping) or any(name in logger for name in _WHERE_TO_WRITE):
        return {}
    return arguments.get(str(logger.get("_target_")), {})


def reaches_in(values: JsonObject) -> dict[str, str]:
    """Return the values of a configuration that reach beyond its run, by name: folders, other processes and machines.

    Args:
        values: The configuration, as plain values.
    """
    found = {name: str(value) for name in PATHS if (value := _value(values, name)) is not None}
    for name, harmless in _OF_ONE_PROCESS.items():
        if (value := _value(values, name)) is not None and str(value) not in harmless:
            found[name] = str(value)
    return found


def _value(values: JsonObject, name: str) -> Any:
    node: Any = values
    for part in name.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node

"""A saved configuration is restored, and one that anybody may have written executes nothing (about three seconds)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from tests.running import CONFIGS, choices, composed

from chromasonic.config.build import build
from chromasonic.config.closed_set import TRUSTED
from chromasonic.config.saved_configuration import (
    check_repeating,
    check_resuming,
    is_same_configuration,
    plain_configuration,
    read_configuration,
    save_configuration,
)
from chromasonic.config.validation import check
from chromasonic.melody_generation.errors import InputError

GROUPS = ("model", "dataset", "optimizer", "scheduler")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DictConfig]:
    with composed(directory=tmp_path_factory.mktemp("run")) as found:
        yield chosen(found)


def chosen(config: DictConfig, **values: Any) -> DictConfig:
    """A copy with other values, and with the names of the choices that the script adds."""
    copy = config.copy()
    OmegaConf.set_struct(copy, False)
    copy.choices = dict.fromkeys(GROUPS, "some")
    for name, value in values.items():
        OmegaConf.update(copy, name.replace("__", "."), value)
    return copy


def test_references_follow_the_values_that_are_replaced(config: DictConfig, tmp_path: Path) -> None:
    save_configuration(chosen(config, learning_rate=0.25), tmp_path)
    assert read_configuration(tmp_path).optimizer.lr == 0.25
    restored = read_configuration(tmp_path, {"learning_rate": 0.5, "epochs": 7})
    assert (restored.optimizer.lr, restored.trainer.max_epochs) == (0.5, 7)
    assert "${" not in str(OmegaConf.to_container(restored))
    check(restored)


def test_values_from_the_environment_are_saved_as_they_were(
    config: DictConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATE", "0.125")
    save_configuration(chosen(config, optimizer__lr="${oc.decode:${oc.env:RATE}}"), tmp_path)
    monkeypatch.setenv("RATE", "7")
    assert read_configuration(tmp_path).optimizer.lr == 0.125


def test_resuming_takes_epochs_and_nothing_else(config: DictConfig, tmp_path: Path) -> None:
    save_configuration(config, tmp_path)
    check_resuming(tmp_path, ["resume=x", "epochs=7", "trust_paths=true"])
    with pytest.raises(InputError, match="cannot take seed=3 model=lstm as well"):
        check_resuming(tmp_path, ["resume=x", "seed=3", "epochs=7", "model=lstm"])


def test_repeating_needs_a_folder_and_takes_nothing_else(config: DictConfig, tmp_path: Path) -> None:
    save_configuration(config, tmp_path)
    check_repeating(tmp_path, chosen(config, output_dir="again"), ["repeat=x", "output_dir=again"])
    with pytest.raises(InputError, match="needs a new folder"):
        check_repeating(tmp_path, config, ["repeat=x"])
    with pytest.raises(InputError, match="cannot take epochs=7 as well"):
        check_repeating(tmp_path, config, ["repeat=x", "epochs=7"])


def test_there_is_nothing_to_restore_in_an_empty_folder(config: DictConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to continue"):
        check_resuming(tmp_path, [])
    with pytest.raises(InputError, match="no run to repeat"):
        check_repeating(tmp_path, config, [])


def test_the_location_of_a_run_is_no_part_of_its_configuration(config: DictConfig, tmp_path: Path) -> None:
    save_configuration(config, tmp_path)
    assert is_same_configuration(config, tmp_path)
    with composed("output_dir=elsewhere", directory=tmp_path / "elsewhere") as moved:
        assert is_same_configuration(chosen(moved), tmp_path)
    assert not is_same_configuration(chosen(config, seed=1), tmp_path)
    assert not is_same_configuration(config, tmp_path / "nothing")
    assert str(tmp_path) not in str(plain_configuration(config))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "choice"),
    [(group, choice) for group in (*GROUPS, "trainer", "callbacks", "logger") for choice in choices(group)],
)
def test_every_choice_of_the_project_can_be_saved_and_read(
    group: str, choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRUSTED, raising=False)
    needed = {"files": [f"dataset.corpus.folder={tmp_path}"], "mixture": ["model.runs=[one,another]"]}.get(choice, [])
    with composed(f"{group}={choice}", *needed, directory=tmp_path) as config:
        save_configuration(chosen(config), tmp_path)
        check(read_configuration(tmp_path))


def refusal(folder: Path, text: str | bytes) -> str:
    """The sentence with which a config.yaml is refused, within a second."""
    (folder / "config.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    began = time.process_time()
    with pytest.raises(InputError) as refused:
        read_configuration(folder)
    assert time.process_time() - began < 5
    assert "\n" not in str(refused.value)
    return str(refused.value)


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


UNFOLDING = "choices: {}\na0: xxxxxxxx\n" + "".join(f"a{n}: ${{a{n - 1}}}${{a{n - 1}}}\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "it holds aliases"),
        (UNFOLDING, "unfold to far more"),
        ("choices: {}\na: ${b}\nb: ${a}\n", "lead in a circle"),
        ("choices: {}\na: ${a.b}\n", "lead in a circle"),
        ("choices: {}\na: ${nothing.here}\n", "refers to nothing.here, which it does not have"),
        ("choices: {}\n${seed}: 1\n", "refers to something else than values of the run"),
        ("choices: {}\nx: $\ny: '{oc.env:HOME}'\nseed: ${x}${y}\n", "refers to something else than values of the run"),
        ("choices: {}\nx: $\ny: '{z}'\nz: 1\nseed: ${x}${y}\n", "refers to something else than values of the run"),
        ("choices: {../x: 1}\n", "no name that a value of a run may have"),
        ("- 1\n- 2\n", "no named values"),
        ("a: [1, 2\n", "expected"),
        ("a: !!python/object/apply:os.system [id]\n", "could not determine a constructor"),
        ("a: " + "[" * 5000, "nested more than 20 deep"),
        ("a: 1\n" * 30_000, "is larger than"),
        (b"a: \xff\xfe\n", "no configuration of a run"),
        ("seed: " + "9" * 6000, "no configuration of a run"),
        ("epochs: 3\n", "does not name the choice of each group"),
        ("choices: {}\nseed: ${oc.env:HOME}\n", "refers to something else than values of the run"),
        ("choices: {}\nseed: ${oc.decode:'1'}\n", "refers to something else than values of the run"),
        ("choices: {}\na: oc.env\nseed: '${${a}:HOME}'\n", "refers to something else than values of the run"),
        ("choices: {}\nseed: ${hydra:runtime.cwd}\n", "refers to something else than values of the run"),
    ],
)
def test_a_configuration_that_asks_for_more_than_a_run_may_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "torch.load",
        "torch.hub.load",
        "torch.utils.cpp_extension.load",
        "hydra.utils.get_method",
        "lightning.pytorch.loggers.WandbLogger",
        "lightning.pytorch.callbacks.ModelCheckpoint",
        "chromasonic.config.saved_configuration.os.system",
        "chromasonic.melody_generation.corpora.cache.os.system",
        "chromasonic.melody_generation.atomic_files.tempfile.TemporaryDirectory",
        "chromasonic.melody_generation.atomic_files.remove_unfinished",
        "chromasonic.melody_generation.training.model_trainer.torch.load",
        "torch.optim.lr_scheduler.math.prod",
        "torch.optim.swa_utils.copy.deepcopy",
        "os",
        "",
        "os.system; ls",
        7,
        ["os.system"],
    ],
)
@pytest.mark.parametrize("place", ["model", "callbacks.mine", "dataset.corpus.folder", "trainer.plugins.0"])
def test_a_run_directory_builds_nothing_but_the_closed_set(tmp_path: Path, target: Any, place: str) -> None:
    values = OmegaConf.create({"choices": {}})
    OmegaConf.update(values, place, {"_target_": target, "_args_": [f"touch {tmp_path / 'touched'}"]}, force_add=True)
    said = refusal(tmp_path, OmegaConf.to_yaml(values))
    assert "none of the classes that a run directory may name" in said
    assert not (tmp_path / "touched").exists()


def test_a_target_is_not_imported_to_be_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "package_of_theirs.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'imported')!r}).touch()\nclass Network: ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    refusal(tmp_path, "choices: {}\nmodel: {_target_: package_of_theirs.Network}\n")
    assert not (tmp_path / "imported").exists()
    monkeypatch.setenv(TRUSTED, "something, package_of_theirs")
    read_configuration(tmp_path)
    build("model", read_configuration(tmp_path).model)
    assert (tmp_path / "imported").exists()


def test_folders_that_another_user_named_are_not_read(config: DictConfig, tmp_path: Path) -> None:
    save_configuration(chosen(config, init_from="outputs/pretrained"), tmp_path)
    assert read_configuration(tmp_path, follows_paths=False).init_from == "outputs/pretrained"
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("outputs/pretrained", "/theirs"))  # as if another machine had written it
    with pytest.raises(InputError, match=r"init_from=/theirs reaches beyond the run: add trust_paths=true"):
        read_configuration(tmp_path, follows_paths=False)
    assert read_configuration(tmp_path, follows_paths=True).init_from == "/theirs"


def test_loggers_of_a_run_are_not_told_where_to_write_by_its_configuration(config: DictConfig, tmp_path: Path) -> None:
    target = "lightning.pytorch.loggers.CSVLogger"
    theirs = {"_target_": target, "save_dir": "/elsewhere", "name": "a", "version": 3, "prefix": "x"}
    save_configuration(chosen(config, logger__csv=theirs), tmp_path)
    assert read_configuration(tmp_path).logger.csv == {"_target_": target, "prefix": "x"}


def test_the_project_has_no_target_that_it_would_refuse_itself() -> None:
    named = [
        line.split(":", 1)[1].strip()
        for path in CONFIGS.rglob("*.yaml")
        for line in path.read_text().splitlines()
        if line.strip().startswith("_target_:")
    ]
    assert len(named) > 10

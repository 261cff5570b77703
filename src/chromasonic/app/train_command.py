"""Train a model: ``chromasonic train model=lstm dataset=nottingham``; ``--help`` lists all choices.

Heavy libraries are imported inside functions, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from chromasonic.app.launch import Terminated, end_with, ended_by, is_main_process, launch, refusal_of
from chromasonic.config.guidance.typed_words import Words, several_values
from chromasonic.config.guidance.usual_names import top_names
from chromasonic.config.location import choices_of, configs_directory, option_names
from chromasonic.config.typed_paths import quote_paths
from chromasonic.melody_generation.atomic_files import write_text
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.masked_secrets import masked_yaml
from chromasonic.melody_generation.printing.terminal_output import print_error

_CHOSEN_BY_WORD = ("model", "dataset", "experiment")  # groups whose choices are recognised alone
_RECORDS_OF_HYDRA = ("config.yaml", "hydra.yaml", "overrides.yaml")
_OPTIONS_OF_HYDRA = {
    *("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m"),
    *("--shell-completion", "-sc"),
}
_VALUES_OF_HYDRA = {  # followed by a value
    *("--cfg", "-c", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"),
    *("--info", "-i", "--experimental-rerun"),
}


def main(arguments: Sequence[str]) -> None:
    """Train a model, or a sweep of models.

    Args:
        arguments: Overrides and options of Hydra.
    """
    _check_arguments(arguments)
    # Hydra reads the command line, and so do the processes that Lightning starts: they run this file.
    sys.argv = [__file__, *quote_paths(arguments)]
    launch(job)


@hydra.main(version_base="1.3", config_path=str(configs_directory()), config_name="train")
def job(config: DictConfig) -> None:
    """Run one job, and report errors that the user can correct in one line."""
    from lightning.pytorch.utilities.exceptions import SIGTERMException

    from chromasonic.app.jobs import how_to_continue
    from chromasonic.app.training_run import run
    from chromasonic.config.hydra_errors import RunRefused

    directory = Path(HydraConfig.get().runtime.output_dir)
    try:
        _mask_secrets(directory)
        run(config, directory)
    except Exception as problem:
        refusal = refusal_of(problem)
        if refusal is None:
            raise
        if not isinstance(problem, InputError):
            refusal = InputError(f"{refusal}; {how_to_continue(directory)}")
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            end_with(refusal)
        print_error(str(refusal))
        raise RunRefused("not all jobs succeeded: the reasons are printed above", reason=str(refusal)) from None
    except KeyboardInterrupt as interrupt:
        stop(directory, interrupt)
    except SIGTERMException:  # raised where a launcher of Hydra's runs jobs in processes without our own handler
        stop(directory, Terminated())
    finally:
        if HydraConfig.get().mode != RunMode.MULTIRUN and is_main_process():
            _remove_if_unused(directory, is_default=OmegaConf.is_missing(config, "output_dir"))


def _check_arguments(arguments: Sequence[str]) -> None:
    """End the program if what was typed is no command line of Hydra's, before Hydra is started."""
    overrides = _without_options_of_hydra(arguments)
    names = [*option_names("train"), *top_names()]
    choices = {choice: group for group in _CHOSEN_BY_WORD for choice in choices_of(group)}
    faults = Words("train", names, "resume", choices=choices).faults(overrides)
    if not {"-m", "--multirun"} & {*arguments}:
        faults += filter(None, map(several_values, overrides))
    if faults:
        end_with(InputError(*faults))


def _without_options_of_hydra(arguments: Sequence[str]) -> list[str]:
    """Return the overrides among the arguments."""
    rest, overrides = list(arguments), []
    while rest:
        word = rest.pop(0)
        name = word.partition("=")[0]
        if name in _VALUES_OF_HYDRA:
            del rest[: int(name == word)]
        elif name not in _OPTIONS_OF_HYDRA:
            overrides.append(word)
    return overrides


def _mask_secrets(directory: Path) -> None:
    """Mask secret values in Hydra's own records of what was typed, which nothing reads again."""
    records = [directory / ".hydra" / name for name in _RECORDS_OF_HYDRA]
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        records.append(Path(HydraConfig.get().sweep.dir) / "multirun.yaml")
    for record in filter(Path.is_file, records):
        text = record.read_text(encoding="utf-8", errors="replace")
        if (masked := masked_yaml(text)) != text:
            write_text(record, masked)


def _remove_if_unused(directory: Path, *, is_default: bool) -> None:
    """Remove the folder of a run that has not begun, in which there is nothing but Hydra's own record.

    Args:
        directory: The run directory.
        is_default: Whether nobody chose it, so that the folder around it is removed too if it is empty.
    """
    record = directory / ".hydra"
    if [*directory.glob("*")] == [record] and not record.is_symlink():
        for name in _RECORDS_OF_HYDRA:
            (record / name).unlink(missing_ok=True)
        for folder in (record, directory, *([directory.parent] if is_default else [])):
            with suppress(OSError):  # it has another file
                folder.rmdir()


def stop(directory: Path, interrupt: KeyboardInterrupt) -> None:
    """End the program, and print how to continue the run or the sweep."""
    from chromasonic.app.jobs import how_to_continue
    from chromasonic.melody_generation.atomic_files import shown_path

    how, code = ended_by(interrupt)
    print_error(f"{how}; the run is in {shown_path(directory)}, {how_to_continue(directory)}")
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])

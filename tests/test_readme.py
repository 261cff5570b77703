"""The README keeps its word: its commands compose, its options exist, its Python runs."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import product
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from chromasonic.config.command_options import GenerateOptions, read_options
from chromasonic.config.validation import check
from chromasonic.melody_generation.vocabulary import NoteVocabulary
from tests.running import choices

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONFIGS = ROOT / "configs"


def code_blocks(language: str) -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [block for name, block in blocks if name == language]


def train_commands() -> list[list[str]]:
    """The overrides of every command, in code blocks and within the text."""
    text = "\n".join(code_blocks("bash")).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("python scripts/train.py")]
    lines += re.findall(r"`(python scripts/train\.py[^`.]*)`", README)
    return [shlex.split(line)[2:] for line in lines if "--help" not in line]


def jobs(overrides: list[str]) -> list[list[str]]:
    """The jobs that a command stands for: one, or with -m one for each combination."""
    parsed = OverridesParser.create().parse_overrides([each for each in overrides if each != "-m"])
    choices = [
        [f"{each.key_or_group}={value}" for value in each.sweep_string_iterator()]
        if each.is_sweep_override()
        else [each.input_line or ""]
        for each in parsed
    ]
    return [list(job) for job in product(*choices)]


def named_options() -> list[str]:
    """Every ``key=value`` in backticks that is an override by itself."""
    found = re.findall(r"`([a-z_.]+=[\w.+-]+)`", README)
    return sorted(
        {
            each
            for each in found
            if not each.startswith(("scheduler.gamma=", "dataset.corpus.folder=", "n_samples=", "model.order="))
        }
    )


def test_the_readme_names_commands_and_options() -> None:
    assert len(train_commands()) >= 8
    assert len(named_options()) >= 15


@pytest.mark.parametrize("overrides", train_commands(), ids=" ".join)
def test_every_command_composes_and_passes_the_check(overrides: list[str]) -> None:
    if any(each.startswith(("resume=", "repeat=")) for each in overrides):
        assert overrides in (["resume=outputs/<run>"], ["repeat=outputs/<run>", "output_dir=outputs/again"])
        return
    composed = jobs(overrides)
    assert len(composed) == 1 or "-m" in overrides
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for job in composed:
            check(compose("train", [*job, "logger=none"]))


@pytest.mark.parametrize(
    "command",
    re.findall(r"^python scripts/((?:evaluate|compare)\.py.*)$", "\n".join(code_blocks("bash")), re.MULTILINE),
)
def test_the_commands_that_judge_can_be_read(command: str) -> None:
    from chromasonic.config.command_options import CompareOptions, EvaluateOptions, read_options

    name, *arguments = shlex.split(command)
    defaults = CONFIGS / name.replace(".py", ".yaml")
    if name == "evaluate.py":
        assert read_options(defaults, EvaluateOptions, arguments).run
    else:
        assert read_options(defaults, CompareOptions, arguments).runs


def test_the_command_of_the_results_names_parts_of_the_plan() -> None:
    from chromasonic.config.command_options import ResultsOptions
    from chromasonic.config.compose import read_yaml
    from chromasonic.melody_generation.study.plan import Plan

    [command] = re.findall(r"^python scripts/results\.py (.*)$", "\n".join(code_blocks("bash")), re.MULTILINE)
    chosen = read_options(CONFIGS / "results.yaml", ResultsOptions, shlex.split(command))
    plan = Plan.of(read_yaml(CONFIGS / "results_plan.yaml"), "results_plan.yaml")
    assert chosen.plan is None
    assert set(chosen.parts or ()) <= set(plan.parts)


def generate_commands() -> list[list[str]]:
    """What is typed after the name of the script."""
    lines = "\n".join(code_blocks("bash")).splitlines()
    return [shlex.split(line)[2:] for line in lines if line.startswith("python scripts/generate.py")]


def test_every_generate_command_is_understood() -> None:
    assert len(generate_commands()) == 3
    for arguments in generate_commands():
        assert read_options(CONFIGS / "generate.yaml", GenerateOptions, arguments).run == "outputs/<run>"


@pytest.mark.parametrize("option", named_options())
def test_every_option_in_the_text_composes(option: str) -> None:
    contexts = [[option], [option, "dataset=nottingham"], [option, "dataset=folk"], [option, "model=transformer"]]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        assert any(_composes(context) for context in contexts), option


def _composes(overrides: list[str]) -> bool:
    from hydra.errors import HydraException

    try:
        compose("train", overrides)
    except HydraException:
        return False
    return True


def test_the_table_of_options_has_every_knob_and_group() -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        knobs = {str(key) for key in compose("train")}
    listed = set(re.findall(r"^\| `([a-z_]+)=`", README, re.MULTILINE))
    groups = {folder.name for folder in CONFIGS.iterdir() if folder.is_dir()}
    assert knobs | groups == listed


def test_the_table_of_options_has_every_choice() -> None:
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z_]+)=`.*$", README, re.MULTILINE)}
    for folder in CONFIGS.iterdir():
        if folder.is_dir():
            missing = [choice for choice in choices(folder.name) if f"`{choice}`" not in rows[folder.name]]
            assert not missing, f"{folder.name}: {missing}"


def test_the_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    training, judging, loading, making = code_blocks("python")
    small = training.replace("num_sequences=200", "num_sequences=20").replace("epochs=100", "epochs=2")
    assert small != training
    names: dict[str, object] = {}
    exec(small, names)
    assert Path("learning_curves.png").stat().st_size > 10_000
    assert names["checkpoint"]["epoch"] in (1, 2)  # type: ignore[index]

    few = judging.replace('./test_results")', './test_results"), n_samples=3').replace(
        "test_data=test,\n", "test_data=test, n_samples=3,\n"
    )
    assert few.count("n_samples=3") == 2
    exec(few, names)
    assert Path("test_results/results.json").is_file()
    assert Path("comparison/model_comparison.png").stat().st_size > 10_000

    _train_a_built_in_network(Path("production"))
    exec(loading.replace("outputs/<run>", "production_run"), names)
    assert names["model"](torch.zeros(1, 5, dtype=torch.long)).shape == (1, 5, len(NoteVocabulary()))  # type: ignore[operator]
    exec(making.replace("count=16", "count=2, bars=2"), names)
    assert sorted(each.name for each in Path("melodies").iterdir()) == [
        f"jig_0{n}.{e}" for n in (1, 2) for e in ("abc", "mid")
    ]


def _train_a_built_in_network(directory: Path) -> None:
    from chromasonic.melody_generation.networks.lstm import LSTMNetwork
    from chromasonic.melody_generation.training import ModelTrainer, create_training_data

    train, test = create_training_data(num_sequences=12)
    network = LSTMNetwork(hidden_size=8, num_layers=1)
    ModelTrainer(network, "melody_lstm").train(train, test, epochs=1, checkpoint_dir=directory, show_progress=False)
    shutil.copytree(directory, "production_run/lstm_checkpoints")


@pytest.mark.parametrize("target", ["train", "test", "results"])
def test_make_has_the_targets_that_the_readme_begins_with(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_picture_and_file_that_the_readme_shows_is_there() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path
    tree = code_blocks("")[-1]
    for name in re.findall(r"[a-z_]+\.py", tree):
        assert list(ROOT.glob(f"src/**/{name}")) or list(ROOT.glob(f"*/{name}")), name


def test_the_tree_of_the_house_names_every_room() -> None:
    tree = code_blocks("")[-1]
    rooms = [each for each in (ROOT / "src/chromasonic/melody_generation").iterdir() if not each.name.startswith("__")]
    for room in [*rooms, *ROOT.glob("scripts/*.py"), *ROOT.glob("benchmarks/*.py")]:
        assert (room.name if room.suffix == ".py" else f"{room.name}/") in tree, room

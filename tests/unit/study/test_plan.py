"""A plan is read completely or refused in one sentence."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.study.plan import Plan

PLAN: dict[str, Any] = {
    "seeds": [1, 2],
    "reference": "ppm",
    "pretraining": {"before": {"title": "Before", "overrides": ["dataset=folk"]}},
    "rows": {
        "ppm": {"title": "PPM", "overrides": ["model=ppm"], "seeds": [1]},
        "tuned": {"title": "Tuned", "overrides": ["epochs=3", "init_from={before}"]},
        "mixture": {"title": "Mixture", "overrides": ["model=mixture", "model.runs=[{tuned},{ppm}]"]},
    },
    "ablations": {
        "width": {
            "title": "Width",
            "question": "How wide?",
            "base": "tuned",
            "variants": {"8 wide": ["hidden_size=8"], "mixed": "mixture"},
        }
    },
}
FOLDER = Path("runs")


def changed(key: str, value: Any) -> dict[str, Any]:
    values = deepcopy(PLAN)
    *groups, name = key.split(".")
    inner = values
    for group in groups:
        inner = inner[group]
    inner[name] = value
    return values


def test_every_part_has_a_run_for_each_seed_and_references_have_the_same_seed() -> None:
    runs = {(run.part, run.seed): run for run in Plan.of(PLAN, "plan.yaml").runs(FOLDER)}
    assert list(runs) == [
        *(("before", 1), ("before", 2), ("ppm", 1), ("tuned", 1), ("tuned", 2), ("mixture", 1), ("mixture", 2)),
        ("width_8_wide", 1),
    ]
    assert runs["tuned", 2].overrides == ("epochs=3", "init_from=runs/before/2", "seed=2")
    assert runs["tuned", 2].needs == (Path("runs/before/2"),)
    # Another part's only seed does for all.
    assert runs["mixture", 2].overrides == ("model=mixture", "model.runs=[runs/tuned/2,runs/ppm/1]", "seed=2")
    assert runs["mixture", 2].needs == (Path("runs/tuned/2"), Path("runs/ppm/1"))
    # A variant has the overrides of its base, and the first of its seeds.
    assert runs["width_8_wide", 1].overrides == ("epochs=3", "init_from=runs/before/1", "hidden_size=8", "seed=1")
    assert runs["width_8_wide", 1].directory == Path("runs/width_8_wide/1")


def test_a_folder_with_spaces_and_quotes_is_quoted() -> None:
    run = next(run for run in Plan.of(PLAN, "plan.yaml").runs(Path("it's, mine")) if run.part == "tuned")
    assert run.overrides[1] == r"init_from='it\'s, mine/before/1'"


def test_an_interpolation_of_hydra_is_no_reference() -> None:
    plan = Plan.of(changed("rows.tuned.overrides", ["learning_rate=${epochs}"]), "plan.yaml")
    assert plan.parts["tuned"].references() == ()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rows.tuned.overrides", ["init_from={width_8_wide}"], "plan.yaml: tuned refers to {width_8_wide}, a variant"),
        ("rows.tuned.overrides", ["init_from={nowhere}"], "plan.yaml: tuned refers to {nowhere}, and there is no such"),
        ("pretraining.before.overrides", ["init_from={mixture}"], "plan.yaml: parts wait for each other: "),
        ("rows.before", {"title": "Another", "overrides": []}, "plan.yaml: there are two parts named before"),
        ("ablations.width.variants", {"A b": [], "a-b": []}, "plan.yaml: there are two parts named width_a_b"),
        ("ablations.width.base", "nobody", "plan.yaml: ablations.width.base: there is no part nobody"),
        ("ablations.width.variants", {"x": "nobody"}, "plan.yaml: ablations.width.variants: there is no part nobody"),
        ("reference", "before", "plan.yaml: reference: before is none of the rows"),
        ("second_reference", "before", "plan.yaml: second_reference: before is none of the rows"),
        ("rows.ppm.overides", [], "plan.yaml: rows.ppm.overides: extra inputs are not permitted"),
        ("seeds", [], "plan.yaml: seeds: list should have at least 1 item"),
        ("rows", {}, "plan.yaml: rows: dictionary should have at least 1 item"),
        ("rows.Up", {"title": "A", "overrides": []}, "plan.yaml: rows.Up.[key]: string should match pattern"),
    ],
)
def test_a_wrong_plan_is_refused_in_a_sentence(key: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        Plan.of(changed(key, value), "plan.yaml")
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_a_part_needs_another_with_its_own_seed() -> None:
    plan = Plan.of(changed("rows.tuned.seeds", [3]), "plan.yaml")
    with pytest.raises(InputError, match="tuned is planned with seed 3, but before, which it needs, is not"):
        plan.runs(FOLDER)

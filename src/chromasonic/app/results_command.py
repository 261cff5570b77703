"""Train and evaluate all models of a plan, and write the page of results: ``chromasonic results``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.app.launch import start
from chromasonic.config.command_options import ResultsOptions
from chromasonic.config.location import configs_directory

if TYPE_CHECKING:
    from chromasonic.melody_generation.study.workflow import PlannedStep, Workflow

OWN_PLAN = "results_plan.yaml"


def run(options: ResultsOptions) -> None:
    """Carry out the plan in a locked folder."""
    from chromasonic.config.compose import compose_training, read_yaml
    from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.study.plan import Plan
    from chromasonic.melody_generation.study.workflow import Workflow

    path = Path(options.plan) if options.plan else configs_directory() / OWN_PLAN
    plan = Plan.of(read_yaml(path), str(path))
    plan.check_parts(parts_of(options) or ())  # before all runs are composed, which takes seconds
    folder = Path(options.output_dir)
    workflow = Workflow.of(plan, folder, partial(compose_training, configs_directory()))
    steps = workflow.steps(SampleSettings(options.n_samples, max_notes=options.max_notes))
    folder.mkdir(parents=True, exist_ok=True)
    with lock_directory(folder, "making the results"):
        carry_out_plan(options, workflow, steps)


def carry_out_plan(options: ResultsOptions, workflow: Workflow, steps: list[PlannedStep]) -> None:
    """Run all steps that are not done, and write the page if none is missing.

    Raises:
        InputError: If a step fails.
    """
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.printing.terminal_output import print_error
    from chromasonic.melody_generation.reporting.terminal import print_remark
    from chromasonic.melody_generation.study.results_page import check_front_page
    from chromasonic.melody_generation.study.runner import run_steps

    if options.page is not None and options.readme is not None:
        check_front_page(Path(options.readme))
    parts = parts_of(options)
    wanted = steps if parts is None else workflow.steps_of(steps, parts)
    try:
        failures = run_steps(wanted, options.jobs or os.cpu_count() or 1, print_remark)
    except KeyboardInterrupt:
        print_error("stopped: the same command continues from here")
        raise
    if failures:
        raise InputError(f"{len(failures)} of {len(wanted)} steps failed, so the page was not written")
    if options.page is None:
        return
    finished = {step.name for step in wanted}
    if missing := [step for step in steps if step.name not in finished and not step.is_done()]:
        print_remark(f"the page was not written: {len(missing)} of {len(steps)} steps are not done yet")
        return
    write_page(options, workflow, Path(options.page))


def parts_of(options: ResultsOptions) -> list[str] | None:
    """Return the names of the parts to make; None for all."""
    return [options.parts] if isinstance(options.parts, str) else options.parts


def write_page(options: ResultsOptions, workflow: Workflow, page: Path) -> None:
    """Write the page, and the table on the front page."""
    from chromasonic.melody_generation.atomic_files import replaced_together, shown_path
    from chromasonic.melody_generation.reporting.terminal import print_remark
    from chromasonic.melody_generation.study.results_page import write_results, write_summary
    from chromasonic.melody_generation.study.study_results import StudyResults

    results = StudyResults.read(workflow)
    with replaced_together():
        write_results(workflow, results, page, Path(options.plan or f"configs/{OWN_PLAN}"), options.max_notes)
        if options.readme is not None:
            write_summary(results, Path(options.readme), page)
    print_remark(f"Results      {shown_path(page)}")


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Args:
        arguments: Options as ``name=value``.
    """
    start(run, configs_directory() / "results.yaml", ResultsOptions, arguments)

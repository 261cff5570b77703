"""Hydra callbacks: runs and sweeps are checked before they start, and the models of a sweep compared after every job.

Hydra signals the end of a sweep only if no job failed, so that the comparison is written again after every job.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.printing.terminal_output import print_error

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from chromasonic.melody_generation.runs.sweep import JobRecord


class StartCheck(Callback):
    """Ends the program before Hydra makes a folder, if the run or sweep cannot be started, or its folder has links."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the run."""
        del kwargs
        from chromasonic.app.jobs import check_job
        from chromasonic.melody_generation.runs.directory_lock import refuse_links

        HydraConfig.instance().set_config(config)  # the name of the directory may refer to it
        with _ends_before_hydra():
            directory = Path(config.hydra.run.dir)
            refuse_links(directory)
            check_job(config, directory)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Check the sweep, and jobs with each of its values."""
        del kwargs
        from chromasonic.app.jobs import check_sweep
        from chromasonic.melody_generation.runs.directory_lock import refuse_links

        HydraConfig.instance().set_config(config)
        with _ends_before_hydra():
            refuse_links(Path(config.hydra.sweep.dir))
            check_sweep(config, _checked_jobs(config))


def _checked_jobs(config: DictConfig) -> Iterator[tuple[list[str], DictConfig]]:
    """Yield overrides and configurations of jobs of a sweep in which each value occurs; none if a plugin chooses them.

    They are few where the jobs of all combinations are many: composing one takes a fifth of a second.
    """
    if config.hydra.sweeper._target_ != f"{BasicSweeper.__module__}.{BasicSweeper.__name__}":
        return
    from chromasonic.app.jobs import typed_overrides

    loader = GlobalHydra.instance().config_loader()
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(typed_overrides(config.hydra))
    values = [BasicSweeper.split_arguments([override], max_batch_size=None)[0] for override in overrides]
    for number in range(max(map(len, values), default=0)):
        job = [override for choices in values for override in choices[number % len(choices)]]
        yield job, loader.load_sweep_config(config, job)


@contextmanager
def _ends_before_hydra() -> Iterator[None]:
    """End the program with a sentence: Hydra would print an error of a callback as a warning, and go on."""
    from chromasonic.app.launch import end_with, refusal_of
    from chromasonic.config.hydra_errors import sentence_of

    try:
        yield
    except CompactHydraException as problem:
        end_with(InputError(sentence_of(problem)))
    except (InputError, OSError) as problem:
        end_with(refusal_of(problem) or InputError(str(problem)))


class SweepComparison(Callback):
    """Evaluates the run of each job that ends, and writes ``comparison_results/`` into the sweep's directory.

    Jobs may run in parallel, also on other machines that share the directory.

    Args:
        n_samples: Number of melodies of each model that are scored.
        max_notes: Number of notes after which a melody ends at the next bar line.
        seed: Seed of the melodies.
    """

    def __init__(self, n_samples: int, max_notes: int, seed: int = 0) -> None:
        self._n_samples, self._seed, self._max_notes = n_samples, seed, max_notes

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Record how the job ended, and compare all that have ended; a job without a comparison has failed."""
        del kwargs
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        sweep, run = Path(config.hydra.sweep.dir), Path(config.hydra.runtime.output_dir)
        try:
            self._compare(sweep, run, job_return)
        except (InputError, OSError) as problem:
            ending = "the sweep could not be compared: the reason is printed above"
            _fail(job_return, f"no comparison: {problem}", ending)
        except Exception as problem:  # Hydra would print a warning and end with exit code 0
            job_return.status, job_return.return_value = JobStatus.FAILED, problem

    def _compare(self, sweep: Path, run: Path, job_return: JobReturn) -> None:
        # Heavy imports, needed only once a job has run.
        from chromasonic.melody_generation.atomic_files import remove_file
        from chromasonic.melody_generation.evaluation.compare import OtherTestTunesError
        from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
        from chromasonic.melody_generation.reporting.run_evaluation import compare_runs, evaluate_run
        from chromasonic.melody_generation.reporting.terminal import print_comparison, print_remark
        from chromasonic.melody_generation.runs.directory_lock import lock_directory, refuse_links
        from chromasonic.melody_generation.runs.layout import SweepLayout
        from chromasonic.melody_generation.runs.sweep import failed_jobs, job_number

        layout = SweepLayout(sweep)
        results = layout.comparison.directory
        refuse_links(sweep, [results.name])
        with lock_directory(results, "comparing", waits=True):
            try:
                _record(job_return).write(layout.job(run.name))
                failures = failed_jobs(sweep)
                if run.name not in failures:
                    try:
                        evaluate_run(run, SampleSettings(self._n_samples, self._seed, max_notes=self._max_notes))
                    except (InputError, OSError) as problem:  # the others are compared without it
                        failures[run.name] = str(problem)
                        reason = f"{run.name} was trained but cannot be evaluated: {problem}"
                        _fail(job_return, reason, "not all jobs could be evaluated: the reasons are printed above")
                ended = {path.stem for path in layout.jobs.glob("*.json")} - failures.keys()
                runs = sorted((path for path in layout.runs if path.name in ended), key=job_number)
                print_comparison(compare_runs(runs, results, failures=failures), results)
            except (InputError, OSError) as problem:
                for stale in layout.comparison.files:  # a comparison without this job
                    remove_file(stale)
                # Datasets may differ on purpose. A job that failed has said why.
                if not isinstance(problem, OtherTestTunesError) and job_return.status == JobStatus.COMPLETED:
                    raise
                print_remark(f"no comparison: {problem}")


def _fail(job_return: JobReturn, reason: str, ending: str) -> None:
    """Print why a job has failed after its training, and let the sweep end with exit code 1 and a sentence."""
    from chromasonic.config.hydra_errors import RunRefused

    print_error(reason)
    job_return.status = JobStatus.FAILED
    job_return.return_value = RunRefused(ending, reason=reason)


def _record(job_return: JobReturn) -> JobRecord:
    from chromasonic.melody_generation.runs.sweep import JobRecord

    has_failed = job_return.status != JobStatus.COMPLETED
    problem = job_return._return_value if has_failed else None
    return JobRecord(
        status="failed" if has_failed else "completed",
        reason=str(getattr(problem, "reason", problem)) if has_failed else "",
        overrides=tuple(job_return.overrides or ()),
    )

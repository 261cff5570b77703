"""Hydra callback that compares the models of a sweep after every job.

Hydra signals the end of a sweep only if no job failed, so that the comparison is written again after every job.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from chromasonic.melody_generation.runs.sweep import JobRecord


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
        """Record how the job ended, and compare all that have ended."""
        del kwargs
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        # Heavy imports, needed only once a job has run.
        from chromasonic.melody_generation.errors import InputError
        from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
        from chromasonic.melody_generation.reporting.run_evaluation import compare_runs, evaluate_run
        from chromasonic.melody_generation.reporting.terminal import print_comparison, print_remark
        from chromasonic.melody_generation.runs.layout import LOCK, SweepLayout
        from chromasonic.melody_generation.runs.sweep import failed_jobs, job_number

        sweep, run = Path(config.hydra.sweep.dir), Path(config.hydra.runtime.output_dir)
        layout = SweepLayout(sweep)
        results = layout.comparison.directory
        results.mkdir(parents=True, exist_ok=True)
        with FileLock(results / LOCK):
            try:
                _record(job_return).write(layout.job(run.name))
                failures = failed_jobs(sweep)
                if run.name not in failures:
                    try:
                        evaluate_run(run, SampleSettings(self._n_samples, self._seed, max_notes=self._max_notes))
                    except (InputError, OSError) as problem:  # the others are compared without it
                        failures[run.name] = _refuse(job_return, run, problem)
                ended = {path.stem for path in layout.jobs.glob("*.json")} - failures.keys()
                runs = sorted((sweep / name for name in ended), key=job_number)
                print_comparison(compare_runs(runs, results, failures=failures), results)
            except (InputError, OSError) as problem:
                for stale in results.glob("[!.]*.*"):  # a comparison without this job
                    stale.unlink()
                print_remark(f"no comparison: {problem}")


def _refuse(job_return: JobReturn, run: Path, problem: Exception) -> str:
    """Print why a run cannot be evaluated, and let the sweep end with exit code 1; return the reason."""
    from chromasonic.config.hydra_errors import RunRefused
    from chromasonic.melody_generation.printing.terminal_output import print_error

    reason = str(problem)
    print_error(f"{run.name} was trained but cannot be evaluated: {reason}")
    job_return.status = JobStatus.FAILED
    job_return.return_value = RunRefused(
        "not all jobs could be evaluated: the reasons are printed above", reason=reason
    )
    return reason


def _record(job_return: JobReturn) -> JobRecord:
    from chromasonic.melody_generation.runs.sweep import JobRecord

    has_failed = job_return.status != JobStatus.COMPLETED
    problem = job_return._return_value if has_failed else None
    return JobRecord(
        status="failed" if has_failed else "completed",
        reason=str(getattr(problem, "reason", problem)) if has_failed else "",
        overrides=tuple(job_return.overrides or ()),
    )

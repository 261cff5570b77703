"""What Hydra calls when a job of a sweep ends: the models that are there so far are compared.

Hydra tells of a sweep's end only if no job failed, so the comparison is made anew after every job.
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
    """Judges the run of each job that ends, and writes ``comparison_results/`` into the sweep's folder.

    Jobs may run side by side, also on other machines that share the folder.

    Args:
        n_samples: How many melodies of each model are judged.
        seed: Of these.
        max_notes: A melody that a model has not ended by then ends at the next bar line.
    """

    def __init__(self, n_samples: int = 200, seed: int = 0, max_notes: int = 512) -> None:
        self._n_samples, self._seed, self._max_notes = n_samples, seed, max_notes

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Record how the job ended, and compare all that have ended."""
        del kwargs
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        # Heavy, and needed once a job has run.
        from chromasonic.melody_generation.errors import InputError
        from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
        from chromasonic.melody_generation.reporting.run_evaluation import compare_runs, evaluate_run
        from chromasonic.melody_generation.reporting.terminal import print_comparison
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
                    evaluate_run(run, SampleSettings(self._n_samples, self._seed, max_notes=self._max_notes))
                ended = {path.stem for path in layout.jobs.glob("*.json")} - failures.keys()
                runs = sorted((sweep / name for name in ended), key=job_number)
                print_comparison(compare_runs(runs, results, failures=failures), results)
            except (InputError, OSError) as problem:
                for stale in results.glob("[!.]*.*"):  # which lacks this job, and would not say so
                    stale.unlink()
                print(f"no comparison: {problem}")


def _record(job_return: JobReturn) -> JobRecord:
    from chromasonic.melody_generation.runs.sweep import JobRecord

    has_failed = job_return.status != JobStatus.COMPLETED
    problem = job_return._return_value if has_failed else None
    return JobRecord(
        status="failed" if has_failed else "completed",
        reason=str(getattr(problem, "reason", problem)) if has_failed else "",
        overrides=tuple(job_return.overrides or ()),
    )

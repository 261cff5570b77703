"""A comparison is written whole, whatever matplotlib says of its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.evaluation_records import evaluation_record

from chromasonic.melody_generation.atomic_files import are_unchanged
from chromasonic.melody_generation.evaluation.compare import compare
from chromasonic.melody_generation.reporting import run_evaluation
from chromasonic.melody_generation.runs.layout import ComparisonLayout


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("fault", [OverflowError("int too large"), ValueError("Axis limits cannot be NaN or Inf")])
def test_a_chart_that_cannot_be_drawn_leaves_the_comparison_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(run_evaluation, "plot_comparison", fail)
    comparison = compare({"a": evaluation_record("lstm"), "b": evaluation_record("ppm", (80, 80, 80))})
    written = run_evaluation.write_comparison(comparison, tmp_path, {}, "chromasonic compare")
    layout = ComparisonLayout(tmp_path)
    assert json.loads(layout.results.read_text()) == written
    assert are_unchanged(tmp_path, written["files"])
    assert layout.chart.read_bytes().startswith(b"\x89PNG")
    assert "ppm" in layout.tables.read_text()
    assert layout.report.read_text().startswith("<!")

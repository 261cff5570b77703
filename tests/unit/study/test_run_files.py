"""Files of a run are read completely, and the record of a part keeps its keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.study.run_files import (
    PART_RECORD,
    PartRecord,
    SplitSummary,
    read_validation_curve,
)

PART = {
    "overrides": ["epochs=3", "seed=1"],
    "configuration": {"epochs": 3, "seed": 1},
    "began_with": {"runs/before/1": "0123456789abcdef"},
    "core_seconds": 60.5,
    "judging_core_seconds": 4.0,
}


@pytest.mark.parametrize("left_out", [[], ["judging_core_seconds"]])
def test_the_record_of_a_part_keeps_its_keys(tmp_path: Path, left_out: list[str]) -> None:
    written = {key: value for key, value in PART.items() if key not in left_out}
    (tmp_path / PART_RECORD).write_text(json.dumps(written))
    record = PartRecord.read(tmp_path)
    assert record.training_seconds == 60.5
    assert record.total_seconds == 60.5 + written.get("judging_core_seconds", 0.0)  # type: ignore[operator]
    record.write(tmp_path)
    assert json.loads((tmp_path / PART_RECORD).read_text()) == written


def test_a_run_without_a_record_has_an_empty_one(tmp_path: Path) -> None:
    assert PartRecord.read(tmp_path) == PartRecord()


@pytest.mark.parametrize("values", [{}, {"counts": {}}, {"counts": {"train": "many"}}, {"counts": 3, "test": 4}])
def test_a_damaged_split_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    (tmp_path / "split.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"split\.json is no manifest of a split"):
        SplitSummary.read(tmp_path)


@pytest.mark.parametrize("text", ["", "epoch\n1\n", "epoch,validation/bits_per_note\n1,low\n"])
def test_a_damaged_table_of_measures_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    if text:
        with pytest.raises(InputError, match=r"metrics\.csv is no table"):
            read_validation_curve(tmp_path)
    else:
        assert read_validation_curve(tmp_path) == ([], [])


def test_a_missing_table_of_measures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"metrics\.csv cannot be read"):
        read_validation_curve(tmp_path)

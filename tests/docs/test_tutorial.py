"""The tutorial notebook runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.markdown_files import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
# Readers train for a minute; all cells run as well with fewer tunes.
SHORTER = {
    "train, test = tunes[:240], tunes[240:270]": "train, test = tunes[:40], tunes[240:250]",
    "n_samples=10": "n_samples=3",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_tutorial_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for whole, short in SHORTER.items():
        [cell] = [cell for cell in notebook.cells if whole in cell.source]
        cell.source = cell.source.replace(whole, short)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "melodies" / "jig.mid").read_bytes().startswith(b"MThd")
    assert (tmp_path / "checkpoints" / "tiny_best.pt").is_file()


def test_the_tutorial_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 20_000

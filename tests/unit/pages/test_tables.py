import io
import math

from rich.console import Console

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.pages.tables import Table, interval, markdown, terminal

TABLE = Table("Scores", ("model", "bits"), (("[red]lstm", "2.4"), ("a|b", "3.1")), "Two models.")


def test_an_estimate_has_its_interval_if_there_is_one() -> None:
    assert interval(Estimate(0.5521, 0.5312, 0.5698)) == "0.552 [0.53, 0.57]"
    assert interval(Estimate(9.31, 8.7, 10.26), 1) == "9.3 [8.7, 10.3]"
    assert interval(Estimate(0.5, math.nan, math.nan)) == "0.500"
    assert interval(Estimate(math.nan, math.nan, math.nan)) == "not defined"


def test_markdown_has_every_cell_in_its_column() -> None:
    lines = markdown(TABLE).splitlines()
    assert lines[0] == "### Scores"
    assert lines[2] == "| model | bits |"
    assert lines[4] == "| [red]lstm | 2.4 |"
    assert lines[5] == "| a\\|b | 3.1 |"
    assert lines[-1] == "Two models."


def test_a_terminal_shows_text_as_it_is() -> None:
    console = Console(file=io.StringIO(), width=60)
    console.print(terminal(TABLE))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for word in ("Scores", "[red]lstm", "2.4", "Two models."):
        assert word in shown

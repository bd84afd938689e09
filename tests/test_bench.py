"""The benchmark can still measure everything: small runs, whose figures mean nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.__main__ import ALL, main
from bench.figure import Figure, table
from live import clean_environment

TOP = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("letter", ALL)
def test_each_figure_is_measured(letter: str) -> None:
    path = os.pathsep.join([str(TOP), str(TOP / "tests")])
    run = subprocess.run(
        [sys.executable, "-m", "bench", letter],
        env=clean_environment(BENCH_SMALL="1", PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in run.stderr
    assert f"({letter})  " in run.stdout
    assert run.returncode in (0, 1), run.stderr


def test_a_figure_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a,z"]) == 2
    assert capsys.readouterr().err == "there is no figure z: take some of a,b,c,d,e,f,g,h,i\n"


def test_the_table_says_what_is_too_high_and_what_has_reached_its_goal() -> None:
    figures = [
        Figure("a", "one", 2.5, "x", bound=2.0, goal=1.5),
        Figure("b", "two", 1.75, "x", bound=2.0, goal=1.5),
        Figure("c", "three", 1.2, "x", bound=2.0, goal=1.5),
        Figure("g", "four", 51234, "MB"),
    ]
    assert table(figures).splitlines() == [
        "     figure  measured   bound  goal",
        "-" * 49,
        "(a)  one     2.5 x      2      1.5   TOO HIGH",
        "(b)  two     1.75 x     2      1.5   within bound",
        "(c)  three   1.2 x      2      1.5   goal met",
        "(g)  four    51,234 MB",
    ]
    assert [figure.is_kept for figure in figures] == [False, True, True, True]

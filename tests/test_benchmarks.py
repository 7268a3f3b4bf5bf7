"""`python -m benchmarks` runs every benchmark, and its table says which goals are reached."""

from pathlib import Path

import pytest

from benchmarks.__main__ import RUNS, show_table
from benchmarks.results import FILE_NAME, Result, note_result, read_results

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def test_every_benchmark_is_run_with_all_others():
    runnable = {path.stem for path in FOLDER.glob("*.py") if '__name__ == "__main__"' in path.read_text()}
    assert runnable - {"__main__"} == set(RUNS)


def test_a_figure_is_noted_only_for_whoever_runs_several_benchmarks(monkeypatch, tmp_path):
    path = tmp_path / "results"
    monkeypatch.delenv(FILE_NAME, raising=False)
    note_result("quote", 0.4, at_least=0.45)
    assert [*read_results(path)] == []
    monkeypatch.setenv(FILE_NAME, str(path))
    note_result("quote", 0.4, at_least=0.45)
    note_result("page", 140.2, "ms", at_most=200)
    note_result("mails", 7046.4, "a second")
    assert [*read_results(path)] == [
        Result("quote", 0.4, at_least=0.45),
        Result("page", 140.2, "ms", at_most=200),
        Result("mails", 7046.4, "a second"),
    ]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Result("quote", 0.4, at_least=0.45), "| quote | 40% | at least 45% | **not reached** |"),
        (Result("beside a peer", 52.6, at_least=30), "| beside a peer | 53 × | at least 30 × | reached |"),
        (Result("page", 140.2, "ms", at_most=200), "| page | 140 ms | at most 200 ms | reached |"),
        (Result("launch", 8.31, "s", at_most=8), "| launch | 8.31 s | at most 8.00 s | **not reached** |"),
        (Result("mails", 7046.4, "a second"), "| mails | 7,046 a second |  |  |"),
    ],
)
def test_the_table_says_which_goals_are_reached(capsys, result, line):
    show_table([("pos", result)])
    assert capsys.readouterr().out.splitlines()[-1] == f"| pos {line}"

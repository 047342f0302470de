"""What a file names lies inside its run, or is refused."""

import os
from pathlib import Path

import pytest

from apps.signals.artifacts.paths import PathEscape, opened, path_in_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "graph" / "20260101"
    (folder / "shap").mkdir(parents=True)
    (folder / "here.csv").write_text("here")
    (folder / "shap" / "there.csv").write_text("there")
    (tmp_path / "secret").write_text("secret")
    return folder


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("/data/runs/graph/20260101/shap/there.csv", "shap/there.csv"),
        ("/elsewhere/there.csv", "shap/there.csv"),
        ("/etc/passwd", "shap/passwd"),
        ("here.csv", "here.csv"),
        ("there.csv", "shap/there.csv"),
        ("shap/there.csv", "shap/there.csv"),
    ],
)
def test_a_path_is_found_inside_the_run(run: Path, named: str, expected: str) -> None:
    assert path_in_run(named, run=run, folder="shap") == expected


@pytest.mark.parametrize(
    "named",
    [
        "",
        "..",
        "../secret",
        "shap/../../secret",
        "/data/20260101/../secret",
        "C:/windows",
        "c:there.csv",
        "shap\\there.csv",
        "shap/there.csv\x00.txt",
        "a" * 2_000,
    ],
)
def test_a_path_that_leads_out_is_refused(run: Path, named: str) -> None:
    with pytest.raises(PathEscape):
        path_in_run(named, run=run, folder="shap")


def test_a_link_out_of_the_run_is_refused_even_when_it_is_opened(run: Path) -> None:
    (run / "link.csv").symlink_to(run.parent.parent / "secret")
    (run / "folder").symlink_to(run.parent.parent)

    for named in ("link.csv", "folder/secret"):
        with pytest.raises(PathEscape):
            path_in_run(named, run=run)
        with pytest.raises(PathEscape), opened(run, named):
            pass


def test_a_pipe_is_no_file_and_holds_nobody_up(run: Path) -> None:
    os.mkfifo(run / "pipe.csv")

    with pytest.raises(PathEscape), opened(run, "pipe.csv"):
        pass

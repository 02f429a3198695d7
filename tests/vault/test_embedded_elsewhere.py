"""Who used servers of another run directory leaves those of the usual one alone."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
LEAVES = """
import pathlib, sys
from vault import embedded
embedded.postgres = lambda run_dir: print(f"stops those of {run_dir.name}", flush=True)
(embedded.RUN_DIR / "pg").mkdir(parents=True)
elsewhere = embedded.RUN_DIR / "elsewhere"
if sys.argv[1] == "there":
    (elsewhere / "pg").mkdir(parents=True)
embedded.stop = lambda service, **_: None
embedded.join(elsewhere)
"""


def leave(tmp_path: Path, where: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LEAVES, where],
        env=os.environ | {"RUN_DIR": str(tmp_path / "run")},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_leaving_stops_the_servers_of_the_directory_that_was_joined(tmp_path: Path) -> None:
    assert leave(tmp_path, "there") == "stops those of elsewhere"


def test_leaving_stops_nothing_in_the_usual_directory(tmp_path: Path) -> None:
    assert leave(tmp_path, "nowhere") == ""

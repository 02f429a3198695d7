"""The supervisor with tiny children: it starts them, revives them, and leaves none behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from vault.running import processes
from vault.running.children import MARK, Child, kill_marked
from vault.running.lock import AlreadyRunning
from vault.running.processes import CannotStart, Stopped, Supervisor

LIVES = "import time\nwhile True: time.sleep(0.05)"
DEAF = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\n" + LIVES
)
PARENT = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', %r])\n%s" % (LIVES, LIVES)  # noqa: UP031
PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(tmp_path, say=said.append) as supervisor:
        yield supervisor


def child(code: str, name: str = "tiny", *, stage: int = 1, stop_seconds: float = 5) -> Child:
    return Child(
        name=name,
        command=[sys.executable, "-c", code],
        stage=stage,
        stop_seconds=stop_seconds,
        environment={},
    )


def eventually(fact: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)


def marked(run_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(run_dir) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_child_runs_in_its_own_group_with_its_own_log(supervisor: Supervisor) -> None:
    started = supervisor.start(child("print('hello', flush=True)\n" + LIVES))
    eventually(lambda: "hello" in supervisor.log_path("tiny").read_text())
    assert started.pid is not None
    assert os.getpgid(started.pid) == started.pid != os.getpgid(0)


def test_a_child_that_dies_is_started_again_and_said(supervisor: Supervisor, said: list[str]) -> None:
    started = supervisor.start(child(LIVES))
    first = started.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: started.pid not in (None, first))
    assert said == ["tiny died (killed by SIGKILL); it starts again in 0.5 s"]
    assert "tiny died" in supervisor.log_path("supervisor").read_text()


def test_a_child_that_cannot_be_started_again_is_tried_later(supervisor: Supervisor, said: list[str]) -> None:
    started = supervisor.start(child("import time; time.sleep(0.2)"))
    started.command = ["/nowhere/to/be/found"]
    eventually(lambda: len(said) == 2)
    assert "tiny could not be started" in said[1]


def test_a_long_log_is_put_aside_while_its_process_writes_on(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGEST_LOG", 1000)
    monkeypatch.setattr(processes, "TICKS_BETWEEN_LOGS", 1)
    supervisor.start(child("import time\nwhile True: print('x' * 50, flush=True); time.sleep(0.01)"))
    log = supervisor.log_path("tiny")
    eventually(log.with_suffix(".log.1").exists)
    eventually(lambda: 0 < log.stat().st_size < 1000 and log.read_bytes().startswith(b"x"))


def test_what_a_dead_child_started_does_not_live_on_beside_its_successor(supervisor: Supervisor) -> None:
    started = supervisor.start(child(PARENT))
    eventually(lambda: len(marked(supervisor.run_dir)) == 2)
    first = started.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: started.pid not in (None, first) and len(marked(supervisor.run_dir)) == 2)


def test_a_child_that_dies_at_once_is_started_ever_more_slowly(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(child("raise SystemExit(3)"))
    eventually(lambda: len(said) >= 2)
    assert said[0] == "tiny died (exit code 3); it starts again in 0.5 s"
    assert said[1] == "tiny died (exit code 3); it starts again in 1 s"


def test_the_end_leaves_nothing_not_even_grandchildren_or_the_deaf(tmp_path: Path) -> None:
    with Supervisor(tmp_path, say=print) as supervisor:
        supervisor.start(child(PARENT, "parent"))
        supervisor.start(child(DEAF, "deaf", stop_seconds=0.2))
        eventually(lambda: "deaf" in supervisor.log_path("deaf").read_text())
        eventually(lambda: len(marked(tmp_path)) == 3)
    assert marked(tmp_path) == []


def test_later_stages_are_stopped_first(tmp_path: Path) -> None:
    code = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    code += "print('up', flush=True)\n"
    note = (
        f"import atexit\natexit.register(lambda: open({str(tmp_path / 'ends')!r}, 'a').write(sys.argv[1]))\n"
    )
    with Supervisor(tmp_path, say=print) as supervisor:
        for stage, name in ((1, "a"), (3, "c"), (2, "b")):
            started = child(code + note + LIVES, name, stage=stage)
            started.command.append(name)
            supervisor.start(started)
            eventually(lambda name=name: "up" in supervisor.log_path(name).read_text())
        eventually(lambda: len(marked(tmp_path)) == 3)
    assert (tmp_path / "ends").read_text() == "cba"


def test_a_run_once_command_returns_what_it_printed(supervisor: Supervisor) -> None:
    assert supervisor.run_once("say", [sys.executable, "-c", "print('done')"], environment={}) == "done\n"


def test_a_run_once_command_that_fails_tells_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(CannotStart, match=r"(?s)say failed \(exit code 1\).*nothing to see"):
        supervisor.run_once(
            "say", [sys.executable, "-c", "raise SystemExit('nothing to see')"], environment={}
        )


def test_nothing_is_started_once_the_end_was_asked_for(supervisor: Supervisor) -> None:
    supervisor.asked = 1
    with pytest.raises(Stopped):
        supervisor.start(child(LIVES))
    with pytest.raises(Stopped):
        supervisor.wait_until(lambda: False, what="never")
    assert marked(supervisor.run_dir) == []


def test_waiting_too_long_says_for_what(supervisor: Supervisor) -> None:
    with pytest.raises(CannotStart, match="web: not ready"):
        supervisor.wait_until(lambda: False, what="web", seconds=0.05)


def test_a_second_supervisor_is_refused_with_the_first_ones_number(supervisor: Supervisor) -> None:
    second = Supervisor(supervisor.run_dir, say=print)
    with pytest.raises(AlreadyRunning, match=str(os.getpid())), second:
        pytest.fail("it started")


def test_the_lock_of_a_dead_process_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "supervisor.lock").write_text("999999")
    with Supervisor(tmp_path, say=print):
        assert (tmp_path / "supervisor.lock").read_text() == str(os.getpid())


def test_what_a_killed_run_left_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    environment = {**os.environ, MARK: str(tmp_path)}
    left = subprocess.Popen([sys.executable, "-c", LIVES], env=environment, start_new_session=True)
    eventually(lambda: marked(tmp_path))
    with Supervisor(tmp_path, say=print):
        assert left.poll() is not None


def test_a_run_directory_that_is_another_ones_beginning_is_left_alone(tmp_path: Path) -> None:
    environment = {**os.environ, MARK: f"{tmp_path}-other"}
    other = subprocess.Popen([sys.executable, "-c", LIVES], env=environment)
    try:
        kill_marked(tmp_path)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


PROGRAM = """
    import sys
    from pathlib import Path
    from vault.running.children import Child
    from vault.running.processes import Stopped, Supervisor

    try:
        with Supervisor(Path(sys.argv[1]), say=print) as supervisor:
            command = [sys.executable, "-c", sys.argv[2]]
            supervisor.start(Child(name="deaf", command=command, stage=1, stop_seconds=60))
            supervisor.start(Child(name="tiny", command=command, stage=2, stop_seconds=60))
            supervisor.run_once("never", command, environment={})
    except Stopped:
        print("stopped", flush=True)
"""


@pytest.mark.parametrize("signals", [[signal.SIGINT] * 2, [signal.SIGTERM] * 2, [signal.SIGINT] * 5])
def test_asked_twice_in_the_middle_of_the_start_it_hurries_and_leaves_nothing(
    tmp_path: Path, signals: list[int]
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), DEAF]
    program = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    eventually(lambda: len(marked(tmp_path)) == 3)
    eventually(lambda: "deaf" in (tmp_path / "logs" / "tiny.log").read_text())
    for number in signals:
        program.send_signal(number)
        time.sleep(0.2)
    printed, _ = program.communicate(timeout=20)
    assert printed == "stopped\n"
    assert program.returncode == 0
    assert marked(tmp_path) == []

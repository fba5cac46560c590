"""Processes of the local stack: started, watched, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.processes import HOST, Processes, StackError, accepts, answers, free_port

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)",
]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie that waits for somebody else's parent."""
    try:
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        return False
    return state.stdout.strip()[:1] not in ("", "Z")


def no_such_process(pid: int) -> bool:
    """Whether not even a zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_all_are_stopped_and_reaped_in_reverse_order(tmp_path: Path) -> None:
    """After the block nothing is left, not even a zombie."""
    code = "import signal, sys, time\nname = sys.argv[1]\n"
    code += "def bye(*_):\n    open('order', 'a').write(name)\n    sys.exit()\n"
    code += "signal.signal(signal.SIGTERM, bye)\nprint('ready', flush=True)\ntime.sleep(600)"
    with Processes(tmp_path) as processes:
        started = [processes.start(name, [sys.executable, "-c", code, name], cwd=tmp_path) for name in "abc"]
        for running in started:
            running.wait_until(lambda running=running: "ready" in running.tail())
        assert all(running.alive for running in started)
    assert (tmp_path / "order").read_text() == "cba"
    assert all(no_such_process(running.pid) for running in started)


def test_a_process_that_dies_early_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    code = "print('line one'); print('the reason'); raise SystemExit(3)"
    with Processes(tmp_path) as processes:
        running = processes.start("broken", [sys.executable, "-c", code])
        with pytest.raises(StackError, match=r"(?s)broken ended by itself.*the reason"):
            running.wait_until(accepts(free_port()))


def test_a_process_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        running = processes.start("slow", SLEEPER)
        with pytest.raises(StackError, match=r"not ready after 0\.2 s"):
            running.wait_until(accepts(free_port()), seconds=0.2)


def test_a_killed_child_is_reported_by_the_next_check(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        running = processes.start("victim", SLEEPER)
        processes.check()
        os.kill(running.pid, signal.SIGKILL)
        until(lambda: not running.alive)
        with pytest.raises(StackError, match="victim ended by itself"):
            processes.check()
    assert no_such_process(running.pid)


def test_a_missing_command_is_one_clear_line(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes, pytest.raises(StackError, match="nothing cannot be started: No such file"):
        processes.start("nothing", [str(tmp_path / "no-such-command")])


def test_ready_is_what_answers_on_the_port(tmp_path: Path) -> None:
    port = free_port()
    with Processes(tmp_path) as processes:
        web = [sys.executable, "-m", "http.server", str(port), f"--bind={HOST}", f"--directory={tmp_path}"]
        processes.start("web", web).wait_until(answers(f"http://{HOST}:{port}/"))
        assert accepts(port)()
        assert not answers(f"http://{HOST}:{port}/missing")()
    assert not accepts(port)()


def test_an_exception_stops_everything_too(tmp_path: Path) -> None:
    pids = []

    def fail() -> None:
        with Processes(tmp_path) as processes:
            pids.append(processes.start("one", SLEEPER).pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert no_such_process(pids[0])


def test_a_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    """The whole group goes: a grandchild, too, that nobody knows of."""
    code = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('child', child.pid, flush=True)\ntime.sleep(600)"
    )
    with Processes(tmp_path, grace_seconds=0.2) as processes:
        running = processes.start("deaf", [sys.executable, "-c", code])
        running.wait_until(lambda: "child" in running.tail())
        grandchild = int(running.tail().split()[-1])
        assert is_running(grandchild)
    assert no_such_process(running.pid)
    until(lambda: not is_running(grandchild))


def test_cpu_time_of_a_process_and_its_ended_children_is_counted(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        spin = "import time\nwhile time.process_time() < 0.3: pass\n"
        twice = f"import subprocess, sys\n{spin}subprocess.run([sys.executable, '-c', {spin!r}])\n"
        busy = f"{twice}print('done', flush=True)\ntime.sleep(600)"
        running = processes.start("busy", [sys.executable, "-c", busy])
        running.wait_until(lambda: "done" in running.tail())
        own, children = running.cpu_seconds()
    if sys.platform == "linux":
        assert 0.25 <= own < 5
        assert 0.25 <= children < 5


PARENT = """
import sys, time
from pathlib import Path
from stack.processes import Processes
folder = Path(sys.argv[1])
try:
    with Processes(folder, grace_seconds=float(sys.argv[2])) as processes:
        running = processes.start("child", sys.argv[3:])
        if "deaf" in sys.argv[-1]:
            running.wait_until(lambda: "deaf" in running.tail())
        (folder / "pid").write_text(str(running.pid))
        time.sleep(600)
except KeyboardInterrupt:
    sys.exit(130)
"""


def start_parent(folder: Path, grace_seconds: float, command: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), str(grace_seconds), *command],
        env={**os.environ, "PYTHONPATH": str(scripts)},
        start_new_session=True,
    )
    pid = folder / "pid"
    until(lambda: pid.exists() and pid.read_text() != "")
    return parent, int(pid.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end in KeyboardInterrupt, and nothing is left."""
    parent, child = start_parent(tmp_path, 10, SLEEPER)
    parent.send_signal(number)
    assert parent.wait(timeout=20) == 130
    assert no_such_process(child)


def test_a_second_interrupt_kills_instead_of_waiting(tmp_path: Path) -> None:
    """The first Ctrl-C asks a process that does not listen; the second does not leave it behind, it kills."""
    parent, child = start_parent(tmp_path, 60, STUBBORN)
    parent.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        parent.wait(timeout=0.5)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=20) == 130
    assert no_such_process(child)


@pytest.mark.parametrize("command", [SLEEPER, STUBBORN], ids=["sleeper", "stubborn"])
def test_nothing_outlives_a_parent_that_is_killed_outright(tmp_path: Path, command: list[str]) -> None:
    parent, child = start_parent(tmp_path, 10, command)
    assert is_running(child)
    parent.kill()
    parent.wait(timeout=20)
    until(lambda: not is_running(child))


def test_free_ports_are_never_given_twice() -> None:
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)

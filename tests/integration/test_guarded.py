"""Programs that misbehave, run under guard: real processes, real limits."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from audiodup import guarded as guarded_module
from audiodup.errors import Interrupted, NoRoom, ResourceLimit, TimedOut, ToolMissing
from audiodup.guarded import Completed, GuardedRunner, cpu_count
from audiodup.steps import Deadline

MEMORY = 1_500_000_000
Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make a shell script; `$0.d` is a folder for it, as it can write no files but empty ones."""

    def make(text: str) -> str:
        path = tmp_path / "program"
        path.write_text("#!/bin/sh\nPATH=/bin:/usr/bin\n" + text)
        path.chmod(0o755)
        Path(f"{path}.d").mkdir(exist_ok=True)
        return str(path)

    return make


def runner(processes: int = 2, wall_seconds: float = 60, cpu_seconds: int = 30) -> GuardedRunner:
    return GuardedRunner(processes=processes, wall_seconds=wall_seconds, cpu_seconds=cpu_seconds, memory_bytes=MEMORY)


def run(
    guarded: GuardedRunner, program: str, *arguments: str, seconds: float = 60, max_stdout: int = 10_000
) -> Completed:
    return guarded.run(program, arguments, Deadline(seconds), max_stdout=max_stdout)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """A zombie, which is only waiting for its parent to look, does not run any more."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_output_status_and_arguments_are_passed_on(script: Script) -> None:
    """Arguments are words, not shell text."""
    program = script('printf "%s|" "$@"; echo trouble >&2; exit 7')
    completed = run(runner(), program, "-a", "two words", "$(id)", "")
    assert completed == Completed(7, b"-a|two words|$(id)||", b"trouble\n")


def test_the_environment_is_empty_and_the_folder_is_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no credentials, no library path reaches the decoder."""
    monkeypatch.setenv("SECRET", "in the parent")
    assert run(runner(), "/usr/bin/env").stdout == b""
    assert run(runner(), "/bin/pwd").stdout == b"/\n"


def test_standard_input_is_empty(script: Script) -> None:
    """A program that asks does not wait for ever."""
    assert run(runner(), script("cat; echo end")).stdout == b"end\n"


def test_limits_are_in_force(script: Script) -> None:
    """CPU (soft and hard), address space, file size, open files, core dumps."""
    program = script("for limit in -St -Ht -v -f -n -c; do ulimit $limit; done")
    soft, hard, memory, files, descriptors, core = run(runner(cpu_seconds=17), program).stdout.decode().split()
    assert (soft, hard) == ("17", "18")
    assert int(memory) == MEMORY // 1024
    assert (files, descriptors, core) == ("0", "64", "0")


def test_a_limit_that_cannot_be_set_is_passed_over() -> None:
    """As on macOS, which knows no address-space limit: the others are set all the same."""
    command = ["/bin/sh", "-c", guarded_module._SCRIPT, "sh", "5", "no number", "/bin/sh", "-c", "ulimit -t; ulimit -f"]
    completed = subprocess.run(command, capture_output=True, check=True)
    assert (completed.stdout.split(), completed.stderr) == ([b"5", b"0"], b"")


def test_nothing_can_be_written(script: Script) -> None:
    """A decoder has no business with files; the shell that tries dies of SIGXFSZ or is refused."""
    program = script('(echo text > "$0.d/file"); wc -c < "$0.d/file"')
    assert run(runner(), program).stdout.split() == [b"0"]


def test_endless_work_ends_at_the_cpu_limit(script: Script) -> None:
    """SIGXCPU, so that it is told apart from other ends."""
    with pytest.raises(ResourceLimit, match="1 s of CPU"):
        run(runner(cpu_seconds=1), script("while :; do :; done"))


def test_endless_output_is_not_kept(script: Script) -> None:
    """More of stdout than could be an answer is an error; of stderr the beginning is kept."""
    with pytest.raises(ResourceLimit, match="10000 bytes of output"):
        run(runner(), script("while :; do echo text; done"))
    completed = run(runner(), script("head -c 3000000 /dev/zero >&2; echo done"))
    assert (completed.stdout, len(completed.stderr)) == (b"done\n", 1 << 14)


def test_a_time_out_kills_the_whole_group(script: Script, tmp_path: Path) -> None:
    """The trap: the program is killed and the child it started lives on."""
    program = script('sleep 1000 & : > "$0.d/$!"; : > "$0.d/$$"; wait')
    with pytest.raises(TimedOut, match="longer"):
        run(runner(wall_seconds=1), program)
    pids = [int(path.name) for path in (tmp_path / "program.d").iterdir()]
    assert len(pids) == 2
    wait_for(lambda: not any(is_running(pid) for pid in pids))


def test_a_program_that_closes_its_output_and_goes_on_is_timed_out(script: Script) -> None:
    """The ends of both pipes are not its end."""
    with pytest.raises(TimedOut):
        run(runner(wall_seconds=1), script("exec >&- 2>&-; sleep 1000"))


def test_the_requests_deadline_counts_where_it_is_shorter(script: Script) -> None:
    """The limit for one file is not what is left of the request."""
    with pytest.raises(TimedOut):
        run(runner(wall_seconds=1000), script("sleep 1000"), seconds=0.5)


def test_a_child_that_ignores_signals_is_killed_too(script: Script, tmp_path: Path) -> None:
    """SIGKILL, not SIGTERM."""
    program = script("trap '' TERM INT HUP; : > \"$0.d/$$\"; while :; do sleep 1000; done")
    with pytest.raises(TimedOut):
        run(runner(wall_seconds=1), program)
    pid = int(next((tmp_path / "program.d").iterdir()).name)
    wait_for(lambda: not is_running(pid))


def test_no_more_than_so_many_run_at_once(script: Script) -> None:
    """Each counts who runs beside it."""
    program = script(': > "$0.d/$$"; sleep 0.1; ls "$0.d" | wc -l; rm "$0.d/$$"')
    guarded = runner(processes=2)
    with ThreadPoolExecutor(8) as pool:
        counts = [int(each.stdout) for each in pool.map(lambda _: run(guarded, program), range(10))]
    assert max(counts) == 2


def test_waiting_for_a_turn_ends_with_the_deadline(script: Script, tmp_path: Path) -> None:
    """The one place is taken: the other call gives up, and the place is still free afterwards."""
    program = script('[ -e "$0.d/quick" ] || { : > "$0.d/$$"; sleep 1000; }')
    guarded = runner(processes=1, wall_seconds=1000)
    folder = tmp_path / "program.d"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, guarded, program, seconds=3)
        wait_for(lambda: any(folder.iterdir()))
        with pytest.raises(TimedOut, match="no turn"):
            run(guarded, program, seconds=0.2)
        assert isinstance(first.exception(), TimedOut)
    (folder / "quick").touch()
    assert run(guarded, program).status == 0


def test_kill_all_ends_what_runs_what_waits_and_what_comes(script: Script, tmp_path: Path) -> None:
    """For SIGTERM: every call raises Interrupted, no process is left."""
    program = script('sleep 1000 & : > "$0.d/$!"; wait')
    guarded = runner(processes=2)
    folder = tmp_path / "program.d"
    with ThreadPoolExecutor(8) as pool:
        calls: list[Future[Completed]] = [pool.submit(run, guarded, program, seconds=1000) for _ in range(8)]
        wait_for(lambda: len(list(folder.iterdir())) == 2)
        pids = [int(path.name) for path in folder.iterdir()]
        guarded.kill_all()
        errors = [call.exception(timeout=30) for call in calls]
    assert all(isinstance(error, Interrupted) and "stopped" in str(error) for error in errors)
    assert len(list(folder.iterdir())) == 2
    wait_for(lambda: not any(is_running(pid) for pid in pids))
    with pytest.raises(Interrupted):
        run(guarded, "/bin/true")


def test_kill_all_may_run_in_a_signal_handler_of_the_waiting_thread(script: Script) -> None:
    """The handler runs in the main thread, which may hold the lock or wait for its turn at that moment."""
    guarded = runner(processes=1)
    program = script("kill -USR1 $(cut -d' ' -f4 /proc/$$/stat); sleep 1000")
    previous = signal.signal(signal.SIGUSR1, lambda *_: guarded.kill_all())
    try:
        with pytest.raises(Interrupted):
            run(guarded, program)
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_kill_all_does_not_wait_for_a_lock_its_own_thread_holds() -> None:
    """A signal handler can come at any line, those that hold the lock included."""
    guarded = runner()

    def interrupted_at_the_worst_moment() -> None:
        with guarded._changed:
            guarded.kill_all()

    thread = threading.Thread(target=interrupted_at_the_worst_moment, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_a_kill_from_outside_is_worth_another_try(script: Script) -> None:
    """The machine's out-of-memory killer says nothing about the file."""
    with pytest.raises(Interrupted, match="outside"):
        run(runner(), script("kill -9 $$"))


def test_another_signal_is_reported(script: Script) -> None:
    """A crash is the caller's to judge."""
    assert run(runner(), script("kill -SEGV $$")).status == -signal.SIGSEGV


def test_a_missing_program_is_named() -> None:
    """By name and by path."""
    for program in ("no-such-fpcalc", "/no/such/fpcalc"):
        with pytest.raises(ToolMissing, match=r"no.such.fpcalc is not installed"):
            run(runner(), program)


def test_a_process_that_cannot_be_started_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is out of processes or descriptors, and the place is given back."""
    guarded = runner(processes=1)

    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr("subprocess.Popen", fail)
        with pytest.raises(NoRoom, match="temporarily unavailable"):
            run(guarded, "/bin/true")
    assert run(guarded, "/bin/true").status == 0


def test_an_interrupt_leaves_nothing_behind(script: Script, tmp_path: Path) -> None:
    """Ctrl-C in the waiting thread: the group is gone when the exception comes out."""
    program = script(': > "$0.d/$$"; sleep 0.5; kill -INT $(cut -d" " -f4 /proc/$$/stat); sleep 1000')
    with pytest.raises(KeyboardInterrupt):
        run(runner(), program)
    assert not is_running(int(next((tmp_path / "program.d").iterdir()).name))


def test_a_descriptor_is_passed_and_no_other(tmp_path: Path, script: Script) -> None:
    """Under its own number, by which /proc/self/fd finds it, even above the limit of open files."""
    (tmp_path / "given").write_text("given")
    with (tmp_path / "given").open() as given, (tmp_path / "given").open() as other:
        high = os.dup2(given.fileno(), 200, inheritable=False)
        try:
            program = script(f"cat /proc/self/fd/$1; [ -e /proc/self/fd/{other.fileno()} ] && echo leak; exit 0")
            completed = runner().run(program, [str(high)], Deadline(60), max_stdout=100, descriptor=high)
        finally:
            os.close(high)
    assert completed.stdout == b"given"


def test_a_killed_worker_takes_its_program_along(script: Script, tmp_path: Path) -> None:
    """With util-linux's setpriv; elsewhere the CPU limit has to do."""
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv")
    program = script(': > "$0.d/$$"; exec sleep 1000')
    code = (
        "import sys; from audiodup.guarded import GuardedRunner; from audiodup.steps import Deadline\n"
        "GuardedRunner(processes=1, wall_seconds=100, cpu_seconds=9, memory_bytes=10**9)"
        ".run(sys.argv[1], [], Deadline(100), max_stdout=9)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, program])
    folder = tmp_path / "program.d"
    try:
        wait_for(lambda: any(folder.iterdir()))
        pid = int(next(folder.iterdir()).name)
        assert is_running(pid)
    finally:
        worker.kill()
        worker.wait()
    wait_for(lambda: not is_running(pid))


def test_processes_are_started_without_a_copy_of_the_parent(script: Script) -> None:
    """Nothing asks Popen for code between fork and exec, which alone would cost vfork and safety beside threads."""
    source = Path(guarded_module.__file__).read_text()
    names = {
        keyword.arg for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) for keyword in node.keywords
    }
    assert "start_new_session" in names
    assert not names & {"preexec_fn", "user", "group", "extra_groups", "shell"}


def test_zero_processes_means_one_for_each_cpu(script: Script) -> None:
    """As many turns as CPUs this process may use."""
    count = cpu_count()
    assert count >= 1
    program = script(': > "$0.d/$$"; sleep 0.2; ls "$0.d" | wc -l; rm "$0.d/$$"')
    guarded = runner(processes=0)
    with ThreadPoolExecutor(count + 3) as pool:
        counts = [int(each.stdout) for each in pool.map(lambda _: run(guarded, program), range(3 * count))]
    assert max(counts) <= count


def test_threads_share_one_runner() -> None:
    """A hundred short programs from eight threads, each with its own answer."""
    guarded = runner(processes=4)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: run(guarded, "/bin/echo", str(number)).stdout, range(100)))
    assert answers == [f"{number}\n".encode() for number in range(100)]
    assert threading.active_count() < 20

"""Temporary files: they vanish, they hash, they share a budget."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from audiodup.errors import NoRoom
from audiodup.tempfiles import Budget, TemporaryFile, TemporaryFiles

FLAGS = [
    pytest.param(getattr(os, "O_TMPFILE", None), id="unlinked"),
    pytest.param(None, id="private folder"),
]


@pytest.mark.parametrize("flag", FLAGS)
def test_a_file_is_hashed_and_read_by_its_path_in_a_child(flag: int | None, tmp_path: Path) -> None:
    """What was written is what a child process that inherits the descriptor reads by the path, from the start."""
    with TemporaryFiles(Budget(100), str(tmp_path), tmpfile_flag=flag).create() as file:
        file.write(b"hello ")
        file.write(b"world")
        file.rewind()
        read = "import sys; sys.stdout.write(open(sys.argv[1]).read())"
        child = subprocess.run(
            [sys.executable, "-c", read, file.path], pass_fds=[file.descriptor], capture_output=True, check=True
        )

        assert child.stdout == b"hello world"
        assert os.read(file.descriptor, 100) == b"hello world"
        assert (file.size, file.sha256) == (11, hashlib.sha256(b"hello world").hexdigest())


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no O_TMPFILE")
def test_an_unlinked_file_has_no_name_at_any_time(tmp_path: Path) -> None:
    """So there is nothing for kill -9 to leave."""
    with TemporaryFiles(Budget(100), str(tmp_path)).create() as file:
        file.write(b"x")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", FLAGS)
def test_nothing_is_left_after_success_or_error(flag: int | None, tmp_path: Path) -> None:
    """Neither a file nor a folder nor a descriptor nor a byte of the budget."""
    budget = Budget(100)
    files = TemporaryFiles(budget, str(tmp_path), tmpfile_flag=flag)
    with files.create() as file:
        file.write(b"x" * 50)
        descriptor = file.descriptor
        assert budget.taken == 50
    with pytest.raises(NoRoom), files.create() as file:
        file.reserve(101)

    assert budget.taken == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_the_private_folder_is_private(tmp_path: Path) -> None:
    """Other users of the machine see neither the folder's content nor the file's."""
    with TemporaryFiles(Budget(100), str(tmp_path), tmpfile_flag=None).create() as file:
        path = Path(file.path)
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0
        assert path.parent.parent == tmp_path


def test_a_reserved_size_is_taken_once(tmp_path: Path) -> None:
    """Writing what was reserved takes nothing more; writing beyond it does."""
    budget = Budget(100)
    with TemporaryFiles(budget, str(tmp_path)).create() as file:
        file.reserve(60)
        file.write(b"x" * 60)
        assert budget.taken == 60
        file.write(b"x" * 10)
        assert budget.taken == 70


def test_a_full_budget_refuses_at_once_and_has_room_again_later(tmp_path: Path) -> None:
    """NoRoom is transient: the file that took the room gives it back."""
    budget = Budget(100)
    files = TemporaryFiles(budget, str(tmp_path))
    with files.create() as first, files.create() as second:
        first.reserve(80)
        with pytest.raises(NoRoom):
            second.write(b"x" * 21)
        second.write(b"x" * 20)
        assert budget.taken == 100
    with files.create() as third:
        third.reserve(100)


def test_clearing_starts_anew(tmp_path: Path) -> None:
    """Another try has neither the bytes, nor the hash, nor the budget of the one before."""
    budget = Budget(100)
    with TemporaryFiles(budget, str(tmp_path)).create() as file:
        file.write(b"first, and longer")
        file.clear()
        assert budget.taken == 0
        file.write(b"second")
        file.rewind()

        assert os.read(file.descriptor, 100) == b"second"
        assert (file.size, file.sha256) == (6, hashlib.sha256(b"second").hexdigest())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_no_room() -> None:
    """ENOSPC, from the kernel itself."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(NoRoom, match="No space left"):
            TemporaryFile(descriptor, "/dev/full", Budget(100)).write(b"x")
    finally:
        os.close(descriptor)


def test_a_write_that_takes_only_a_part_is_gone_on_with(tmp_path: Path) -> None:
    """Up to a limit the kernel takes what fits and says how much; the rest is never lost in silence."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TemporaryFiles(Budget(10_000), str(tmp_path)).create() as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            with pytest.raises(NoRoom, match="File too large"):
                file.write(b"x" * 1500)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_many_threads_share_one_budget_exactly() -> None:
    """No taking or giving back is lost."""
    budget = Budget(8 * 3)

    def take_and_give_back() -> None:
        for _ in range(5000):
            budget.take(3)
            budget.give_back(3)

    threads = [threading.Thread(target=take_and_give_back) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert budget.taken == 0

"""Stops a stack's processes when the stack itself was killed and could not do it.

One `sh` at the other end of a pipe: the pipe closes however its owner ends, kill -9 included. This reaches whole
process groups and works on every Unix; PR_SET_PDEATHSIG reaches only the direct child, and only on Linux.
"""

from __future__ import annotations

import contextlib
import subprocess

# Reads `+ GROUP` and `- GROUP`; at the end of its input asks each group's leader to stop, then kills what is left.
_SCRIPT = """
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
    kept=' '
    for other in $groups; do [ "$other" = "$group" ] || kept="$kept$other "; done
    groups=$kept
    [ "$sign" = - ] || groups="$groups$group "
done
for group in $groups; do kill -s TERM "$group"; done 2>/dev/null
left=50
while [ $left -gt 0 ]; do
    alive=
    for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && alive=yes; done
    [ -z "$alive" ] && exit 0
    left=$((left - 1))
    sleep 0.1
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
exit 0
"""


class Guardian:
    """Knows the process groups that must not outlive this process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def watch(self, group: int) -> None:
        """From now on stop this group when our process ends."""
        self._tell("+", group)

    def forget(self, group: int) -> None:
        """The group is gone; its number may come back as somebody else's."""
        self._tell("-", group)

    def close(self) -> None:
        """End the guardian; groups that are still watched are stopped, which takes at most 5 s."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with contextlib.suppress(OSError):
                stdin.close()
        self._process.wait()

    def _tell(self, sign: str, group: int) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            # Somebody may have killed the guardian: then there is none, and the stack goes on.
            with contextlib.suppress(OSError):
                stdin.write(f"{sign} {group}\n".encode())
                stdin.flush()

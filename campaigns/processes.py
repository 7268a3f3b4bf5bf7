"""Ties processes together, so that none goes on without the one that watches it.

Functions that need Linux do nothing elsewhere.
"""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
PR_SET_CHILD_SUBREAPER = 36

# Loaded here and not at the call: that one comes between fork and exec, where nothing may be loaded.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


# One byte that every process forked from here on shares: a lock could be left held by one that was killed.
STOPPING = mmap.mmap(-1, 1)


def announce_stop() -> None:
    """Let every process forked from this one know that it is to end soon."""
    STOPPING[0] = 1


def is_stopping() -> bool:
    """Return whether the process that this one was forked from has announced its stop."""
    return STOPPING[0] == 1


def die_with(parent: int, number: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process the signal `number` when its parent, the process `parent`, ends."""
    if LIBC is None:
        return
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it went before the kernel was asked
        os.kill(os.getpid(), number)


def die_with_parents() -> None:
    """Have each process that is forked from this one or its children from now on killed with its parent."""
    parent = os.getpid()

    def remember() -> None:
        nonlocal parent
        parent = os.getpid()

    os.register_at_fork(before=remember, after_in_child=lambda: die_with(parent))


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent has ended, in place of process 1."""
    if LIBC is not None:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def prctl(option: int, value: int) -> None:
    """Call prctl of Linux.

    Raises:
        OSError: the kernel refuses.
    """
    assert LIBC is not None
    if LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def command_line(pid: int) -> str:
    """Return the command line of a process; "" when there is no such process or it is a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).rstrip("\0").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    ps = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ps.stdout.strip()

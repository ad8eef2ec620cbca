"""Work in a process whose end by a fault of a library is noticed: a damaged file can cause one.

A fork before anything large is imported costs a millisecond, and no memory.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from boostflow import alone

FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE)
"""Signals by which a library's fault ends a process."""
DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux' prctl(2)."""


def survived(action: Callable[[], None]) -> signal.Signals | None:
    """Do something in a child process, which has the standard streams of this one.

    Signals that would end this process are passed on to it, and it ends with this one.

    Returns:
        None where it has come to its end, or the signal of a fault.

    Raises:
        SystemExit: the child has ended with another exit code than 0, or was killed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _end_with(parent)
        action()
        alone.leave()
        sys.exit(0)

    def pass_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        _, status = os.waitpid(child, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if os.WIFEXITED(status):
        if code := os.WEXITSTATUS(status):
            sys.exit(code)
        return None
    ended = signal.Signals(os.WTERMSIG(status))
    if ended in FAULTS:
        return ended
    if ended == signal.SIGKILL:
        print("boostflow: error: was killed, for want of memory most likely", file=sys.stderr)
    sys.exit(128 + ended)


def _end_with(parent: int) -> None:
    """Let the system kill this process when its parent ends, also a killed one."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended meanwhile
        os._exit(1)


def crash(ended: signal.Signals) -> str:
    """What a message says of a fault."""
    return f"the library that reads it crashed ({ended.name}); the file is damaged"

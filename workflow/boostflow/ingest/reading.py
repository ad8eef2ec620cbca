"""Reading ROOT files: what is tried again over a network, and what is said of those that fail.

Addresses are read through fsspec: XRootD with fsspec-xrootd, HTTP with aiohttp (docs/inputs.md).
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import walk_tb
from typing import Any, TypeVar

from coffea.processor import Runner

from boostflow.config.files import is_remote
from boostflow.errors import BadFile, BoostflowError, is_full
from boostflow.ingest.branches import ShortList

log = logging.getLogger("ingest")

T = TypeVar("T")

WAITS = (5, 20)
"""Seconds before the second and the third try."""
CONNECT, SILENCE = 10, 30
"""Seconds until a server must take a connection, and must go on sending."""
XROOTD = {
    "XRD_CONNECTIONWINDOW": CONNECT,
    "XRD_CONNECTIONRETRY": 1,
    "XRD_REQUESTTIMEOUT": 2 * SILENCE,
    "XRD_STREAMTIMEOUT": SILENCE,
    "XRD_TIMEOUTRESOLUTION": 1,
    # After a failed connection the client would refuse to try again for half an hour.
    "XRD_STREAMERRORWINDOW": 0,
}
"""Limits of XRootD (s and tries); its defaults add up to hours."""

# What XRootD's client says of the network, as opposed to what a server answers.
_XROOTD_NETWORK = re.compile(r"\[FATAL\]|expired|[Tt]imeout|[Ss]ocket|[Cc]onnection|[Ss]tream")


def options(file: str) -> dict[str, Any]:
    """Options of `uproot.open` for a file; sets the limits of XRootD's client for all processes.

    Variables that are set already stay.
    """
    if file.startswith("root://"):
        for name, value in XROOTD.items():
            os.environ.setdefault(name, str(value))
    elif is_remote(file):
        from aiohttp import ClientTimeout

        limits = ClientTimeout(total=None, sock_connect=CONNECT, sock_read=SILENCE)
        return {"client_kwargs": {"timeout": limits}}
    return {}


def causes(error: BaseException) -> list[BaseException]:
    """An exception and what it came from; coffea wraps what happens in a processor."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def is_transient(error: BaseException) -> bool:
    """Whether another try may bring what this one did not."""
    return any(_is_transient(cause) for cause in causes(error))


def _is_transient(error: BaseException) -> bool:
    from aiohttp import ClientConnectionError, ClientPayloadError, ClientResponseError

    if isinstance(error, ClientResponseError):
        return error.status in (408, 429) or error.status >= 500
    if isinstance(error, ConnectionError | TimeoutError | ClientConnectionError):
        return True
    if isinstance(error, ClientPayloadError):
        return True
    return type(error) is OSError and bool(_XROOTD_NETWORK.search(str(error)))


def patiently(file: str, action: Callable[[], T]) -> T:
    """Do something; of a remote file, again if the network fails."""
    for wait in WAITS if is_remote(file) else ():
        try:
            return action()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("%s: %s; trying again in %d s", file, reason(error), wait)
            time.sleep(wait)
    return action()


def reason(error: BaseException) -> str:
    """What lies at the bottom of an error, in one line."""
    last = causes(error)[-1]
    return " ".join(f"{last}".split())[:160] or type(last).__name__


def imposter(file: str) -> str | None:
    """What a file is that was saved under the name of another, in words; None for all others.

    Args:
        file: path or address; of an address nothing is known.
    """
    try:
        with Path(file).open("rb") as opened:
            start = opened.read(512)
    except OSError:
        return None
    if not start:
        return "it is empty: copy it again"
    start = start.lstrip()
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS: fetch the file with `git lfs pull`"
    if re.match(rb"<(!doctype|html|\?xml|head)", start, re.IGNORECASE):
        return "it is a web page, as servers send for errors and logins: download the file anew"
    return None


def unreadable(file: str, error: BaseException, what: str) -> BadFile:
    """What to tell the user about a file: `what` of one that is damaged."""
    if is_remote(file) and is_transient(error):
        tries = len(WAITS) + 1
        return BadFile(f"{file}: the server failed in {tries} tries ({reason(error)})")
    if isinstance(error, ShortList):
        return BadFile(f"{file}: {error}")
    # XRootD's client has no exceptions of its own: 3011 is kXR_NotFound.
    if is_remote(file) and "[3011]" in reason(error):
        return BadFile(f"{file}: no such file on its server")
    return BadFile(f"{file}: {what} ({imposter(file) or reason(error)})")


class ChunkRunner(Runner):
    """coffea's runner; deals with errors where a chunk is worked on: causes do not travel."""

    @staticmethod
    def automatic_retries(
        retries: int, skipbadfiles: Any, func: Callable, item: Any, **kwargs: Any
    ) -> Any:
        """Work on a chunk; coffea's own way tries again at once, whatever the error.

        Raises:
            BoostflowError: the file cannot be read.
            OSError: the disk that chunks are written to is full.
        """
        kwargs.pop("use_result_type", None)
        # The dask executor sends the processor along.
        file = (item[0] if isinstance(item, tuple) else item).filename
        try:
            return patiently(file, partial(func, item, **kwargs))
        except Exception as error:
            chain = causes(error)
            full = next((cause for cause in chain if is_full(cause)), None)
            known = next((cause for cause in chain if isinstance(cause, BoostflowError)), None)
            if full is None and known is None and not any(map(_is_read_error, chain)):
                raise
            known = known or unreadable(file, error, "cannot be read to its end")
        # New ones without a context, which dask could not send.
        if full is not None:
            raise OSError(full.errno, os.strerror(full.errno))
        raise type(known)(str(known))


READERS = ("uproot", "cramjam", "zlib", "lzma", "_lzma", "aiohttp")
"""Packages that read bytes."""


def _is_read_error(error: BaseException) -> bool:
    """Whether an exception comes from reading bytes, not from a mistake of ours.

    On broken bytes readers raise what Python has, and ask for any amount of memory.
    """
    names = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
    return isinstance(error, OSError | EOFError | ValueError) or any(
        name.split(".")[0] in READERS for name in (type(error).__module__, *names)
    )

"""Reading over a network: what is tried again, and for how long (docs/inputs.md).

Only ROOT files are read so, through fsspec: XRootD with fsspec-xrootd, HTTP with aiohttp.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from coffea.processor import Runner

from boostflow.config.files import is_remote

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
"""Its own limits add up to hours."""

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


class PatientRunner(Runner):
    """coffea's runner; a chunk of a remote file is tried again where it is worked on."""

    @staticmethod
    def automatic_retries(
        retries: int, skipbadfiles: Any, func: Callable, item: Any, **kwargs: Any
    ) -> Any:
        """Work on a chunk; coffea's own way tries at once, whatever the error."""
        kwargs.pop("use_result_type", None)
        # The dask executor sends the processor along.
        chunk = item[0] if isinstance(item, tuple) else item
        return patiently(chunk.filename, partial(func, item, **kwargs))

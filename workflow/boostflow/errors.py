"""Exceptions that mean "the input is wrong", as opposed to "the program is wrong"."""

import errno


class BoostflowError(Exception):
    """Bad input. The message says what is wrong, where, and what would be right.

    Commands print it in one line and leave with exit code 1, without a traceback.
    """


class BadFile(BoostflowError):
    """An input file cannot be read or is damaged: `ingest.on_bad_file` says what is done then."""


class Diverged(BoostflowError):
    """A training whose loss or weights are not finite any more: its settings are at fault."""


def is_full(error: BaseException) -> bool:
    """Whether nothing more can be written: a full disk, a quota, a limit on the size of files."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError) and error.errno in full

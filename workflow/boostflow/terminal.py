"""What is printed can be printed: on terminals and in logs of any encoding."""

from __future__ import annotations

import codecs
import io
import sys

ERRORS = "boostflow.plain"
"""Name of the way in which characters are written that an encoding does not have."""
PLAIN = {
    **{"─": "-", "−": "-", "±": "+-", "∞": "inf", "×": "x", "…": "...", "→": "->"},
    **{"≥": ">=", "≤": "<=", "σ": "sigma", "µ": "mu", "μ": "mu", "τ": "tau", "α": "alpha"},
}
"""Characters that tables, messages and titles use, in ASCII; others are written as `\\u1234`."""


def plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that cannot be encoded, and where to go on.

    Raises:
        UnicodeError: something else is wrong.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(c) or ascii(c)[1:-1] for c in text), error.end


codecs.register_error(ERRORS, plain)


def bear_any() -> None:
    """Let the standard streams write any text, whatever encoding a locale or a variable gives."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)

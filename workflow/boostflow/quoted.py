"""How the errors of a value are written."""

from __future__ import annotations

LOPSIDED = 0.1
"""Difference of the two sides, in their mean, from which on both are quoted."""


def plus_minus(up: float | None, down: float | None, digits: int = 2) -> str:
    """The errors of a value: `± 0.10`, or `+0.50 -0.18` where the sides differ.

    Args:
        up: upwards; null where it is not known.
        down: downwards, as a positive number; null where it is not known.
        digits: after the point.
    """
    if up is None or down is None:
        return "± n/a"
    mean = (up + down) / 2
    above, below = f"{up:.{digits}f}", f"{down:.{digits}f}"
    if abs(up - down) <= LOPSIDED * mean or above == below:
        return f"± {mean:.{digits}f}"
    return f"+{above} -{below}"

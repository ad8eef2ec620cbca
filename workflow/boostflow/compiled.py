"""numba for loops over plain arrays, which a job of the command line starts in a third of the time.

All compiled loops of boostflow take their decorator from here.
"""

from __future__ import annotations

from numba import njit

from boostflow import alone

__all__ = ["njit"]

with alone.without("scipy", "scipy.linalg"):
    # It asks whether scipy's linear algebra is there. No loop multiplies matrices.
    import numba.np.arraymath  # noqa: F401

if alone.declared():
    # Types of awkward's and vector's arrays, which no loop takes: numba loads them when it first
    # compiles something, or finds it compiled.
    from numba.core import entrypoints

    entrypoints._already_initialized = True

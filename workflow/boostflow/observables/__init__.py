"""Jet substructure observables: what a jet's constituents look like, in one number each.

`compute` is the entry; `definitions` has the formula, reference and unit of each, and adding one is
adding one function there.
"""

from boostflow.observables.compute import compute
from boostflow.observables.definitions import OBSERVABLES

__all__ = ["OBSERVABLES", "compute"]

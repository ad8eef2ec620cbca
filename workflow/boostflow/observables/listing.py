"""The observables as a table for users: what each is, in which unit, and what it needs."""

from __future__ import annotations

from boostflow.observables.catalogue import KINEMATICS, stored_observables
from boostflow.observables.definitions import OBSERVABLES
from boostflow.texttable import Text

WIDTH = 200
"""Characters of a line: wide enough for a formula beside the other cells."""


def table() -> str:
    """One line for each observable of the tables, with the first line of its documentation."""
    page = Text(WIDTH)
    rows = []
    for name in stored_observables():
        one = OBSERVABLES[name]
        about = (one.formula.__doc__ or "").strip().splitlines()
        default = "yes" if one.standard else ""
        needs = "nothing: each jet has its own" if name in KINEMATICS else one.needs
        rows.append([name, one.unit.value, default, needs, about[0] if about else ""])
    page.grid("Observables", ["name", "unit", "default", "needs", "what it is"], rows, right=())
    page.line("default: among the features that models take unless they are told otherwise")
    return page.text()

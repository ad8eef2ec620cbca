"""Stage 1: simulated collisions as NanoAOD-like ROOT files.

Pythia 8 generates the events (`generator`) of a process (`processes`), `truth` keeps what matching
needs, `detector` makes candidates, `jets` clusters them, `rootfile` writes; `production` is the
whole stage: `from boostflow.simulate import simulate`.
"""

from boostflow.simulate.production import simulate

__all__ = ["simulate"]

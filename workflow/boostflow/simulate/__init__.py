"""Stage 1: simulated collisions as NanoAOD-like ROOT files.

Pythia 8 generates the events (`generator`) of a process (`boostflow.processes`), `truth` keeps what
matching needs, `detector` makes candidates, `jets` clusters them, `rootfile` writes; `production`
is the whole stage.
"""

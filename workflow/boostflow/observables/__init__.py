"""Jet substructure observables: what a jet's constituents look like, in one number each.

`definitions` declares them, each with its formula, title, unit and what it needs: adding an
observable is adding one function there. `catalogue` answers what the rest of the analysis asks of
them and of the other columns of the jets; both are read when a run is planned and import the
standard library alone. `compute` evaluates the formulas at run time.
"""

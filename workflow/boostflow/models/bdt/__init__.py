"""Gradient-boosted trees on substructure observables (XGBoost): the baseline."""

from boostflow.models.bdt.block import BDT
from boostflow.models.family import Family

FAMILY = Family(
    block=BDT,
    title="BDT",
    history_axis="Boosting round",
    own_plots=("importance",),
    plots="plots",
    packages=("xgboost", "xgboost-cpu", "numpy"),
)

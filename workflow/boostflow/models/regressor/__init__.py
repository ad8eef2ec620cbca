"""Regression of the true pT of jets on a background, by boosted trees."""

from boostflow.models.family import Family
from boostflow.models.regressor.block import Regressor

FAMILY = Family(
    block=Regressor,
    title="Regression trees",
    history_axis="Boosting round",
    packages=("xgboost-cpu", "xgboost", "numpy"),
)
"""The configuration of regression trees."""

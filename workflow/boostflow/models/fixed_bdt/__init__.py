"""Boosted trees in fixed point for a trigger: scores are those of their integer logic.

block    its configuration        trees    trees of integers, as numbers and as logic
train    their training, on the grid of the features
"""

from boostflow.models.family import Family
from boostflow.models.fixed_bdt.block import FixedBDT

FAMILY = Family(
    block=FixedBDT,
    title="Trees in fixed point",
    history_axis="Boosting round",
    score=".logic_score",
    packages=("xgboost", "xgboost-cpu", "numpy", "da4ml"),
)

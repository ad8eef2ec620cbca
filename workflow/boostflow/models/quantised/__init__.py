"""A dense network in fixed point for a trigger: bits are learned, scores are those of the logic.

block    its configuration        train    the learner
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.quantised.block import Quantised

FAMILY = Family(
    block=Quantised,
    score=".logic_score",
    title="Network in fixed point",
    packages=(*KERAS, "numpy", "hgq2", "da4ml"),
)

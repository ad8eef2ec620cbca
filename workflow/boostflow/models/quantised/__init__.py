"""A dense network in fixed point for a trigger: bits are learned, scores are those of the logic.

block    its configuration        grid     features as fixed-point numbers
train    the learner              logic    the network as integer logic, its firmware, its cost
score    scores by that logic
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.quantised.block import Quantised

FAMILY = Family(
    block=Quantised,
    title="Network in fixed point",
    packages=(*KERAS, "numpy", "hgq2", "da4ml"),
)

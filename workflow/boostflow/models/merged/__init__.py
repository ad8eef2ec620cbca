"""Trained networks joined before their last layer by dense layers.

block    its configuration        train   the network, its two phases
data     jets, aligned             score   inputs of all parts
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.merged.block import Merged

FAMILY = Family(
    block=Merged,
    title="Merged networks",
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

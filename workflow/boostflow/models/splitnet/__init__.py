"""Showers by splitting energy, from that of the particle down to cells; networks say how.

block    its configuration                     train      the networks
tree     which parts split into which          generator  showers from the networks
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.splitnet.block import SplitNet

FAMILY = Family(
    block=SplitNet,
    title="Splitting networks",
    score=".generated",
    generator="generator",
    packages=(*KERAS, "numpy", "onnx"),
)

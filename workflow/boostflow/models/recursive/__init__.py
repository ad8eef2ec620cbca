"""Recursive networks: they follow the clustering tree of a jet from its constituents to the jet.

block    its configuration        inputs   trees in levels, and what is read of each subjet
train    the network
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.recursive.block import RecursiveNetwork

FAMILY = Family(
    block=RecursiveNetwork,
    title="Recursive network",
    prepare=".packed",
    score=".tagger_score",
    inputs="inputs",
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

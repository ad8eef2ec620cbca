"""Constituents as a sequence: recurrent, convolutional or attentive layers (arXiv:1711.09059).

block    its configuration        train   the network
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.sequence.block import Sequences

FAMILY = Family(
    block=Sequences,
    title="Sequence",
    prepare=".packed",
    score=".tagger_score",
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

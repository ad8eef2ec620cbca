"""Graph networks of constituents with labels: attention between neighbours, learned masses.

block    its configuration        inputs   neighbours and momenta, padded
train    the network
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.graph.block import GraphNetwork

FAMILY = Family(
    block=GraphNetwork,
    title="Graph network",
    prepare=".packed",
    score=".tagger_score",
    inputs="inputs",
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

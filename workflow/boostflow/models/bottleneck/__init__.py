"""A dense network that has to pass columns through few numbers: what it cannot is unusual.

block    its configuration        train   the learner: network and data
score    what it leaves of each column
"""

from boostflow.models.bottleneck.block import Bottleneck
from boostflow.models.family import KERAS, Family

FAMILY = Family(
    block=Bottleneck,
    title="Dense autoencoder",
    packages=(*KERAS, "numpy", "onnx"),
)
"""The configuration of the network."""

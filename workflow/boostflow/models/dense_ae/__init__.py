"""A dense network that has to pass columns through few numbers: what it cannot is unusual.

block    its configuration        train   the learner: network and data
score    what it leaves of each column
"""

from boostflow.models.dense_ae.block import DenseAE
from boostflow.models.family import KERAS, Family

FAMILY = Family(
    block=DenseAE,
    title="Dense autoencoder",
    packages=(*KERAS, "numpy", "onnx"),
)
"""The configuration of the network."""

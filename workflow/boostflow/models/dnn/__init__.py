"""A dense network on substructure observables (Keras), trained on any number of processes.

block    its configuration        train   the learner: network and data
score    its inputs, and scores
"""

from boostflow.models.dnn.block import DNN
from boostflow.models.family import KERAS, Family

FAMILY = Family(
    block=DNN,
    title="Dense network",
    packages=(*KERAS, "numpy", "onnx"),
)

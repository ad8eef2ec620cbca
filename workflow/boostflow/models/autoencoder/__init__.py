"""Compression of jets: columns rounded to a bound, then coded by what a network expects of them.

block    its configuration                    train   the learner: probabilities in bits
exact    the network in whole numbers         score   bits and errors of each jet
codec    columns to bytes, and back                narrow  latents of a bottleneck
"""

from boostflow.models.autoencoder.block import Autoencoder
from boostflow.models.family import KERAS, Family

FAMILY = Family(
    block=Autoencoder,
    title="Autoencoder",
    codec="codec",
    packages=(*KERAS, "numpy", "pcodec"),
)

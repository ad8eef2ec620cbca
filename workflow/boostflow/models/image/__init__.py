"""Jet images (arXiv:1407.5675, 1511.05190): constituents as pixels, and a convolutional network.

block   its configuration          pixels  constituents -> images
train   the network                plots   mean images, and what the network looks at
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.image.block import JetImages

FAMILY = Family(
    block=JetImages,
    title="Jet images",
    prepare=".packed",
    inputs="pixels",
    score=".tagger_score",
    plots="plots",
    own_plots=("mean_image", "attention"),
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

"""UCluster (Mikuni & Canelli, arXiv:2010.07106): a graph network that clusters jets without labels.

features   selected jets -> packed constituents       store      shards on disk, batches
network    graph attention, embedding, mass bins      pretext    mass bins
losses     pretext and clustering losses              clusters   centroids
clustering k-means, mixture, global matching          schedule   learning rate, alpha
train      what `boostflow.training` asks of it       scoring    score tables
export     ONNX graph of a trained network
saved      Keras file of a trained network            explain    attention, weights of particles
figures    what it is compared with                   plots      attention, drawn
architecture  numbers that network and export share

TensorFlow is imported by the training alone; scores come from ONNX Runtime.
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.ucluster.block import UCluster

FAMILY = Family(
    block=UCluster,
    title="UCluster",
    score="scoring",
    prepare="store",
    figures="figures",
    plots="plots",
    own_plots=("attention",),
    packages=(*KERAS, "numpy", "awkward", "scikit-learn"),
)

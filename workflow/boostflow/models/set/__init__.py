"""Deep sets of constituents (arXiv:1810.05165): functions of each particle, added up.

block    its configuration        train   the network
plots    the filters of an energy flow network
"""

from boostflow.models.family import KERAS, Family
from boostflow.models.set.block import DeepSets

FAMILY = Family(
    block=DeepSets,
    title="Deep sets",
    prepare=".packed",
    score=".tagger_score",
    plots="plots",
    own_plots=("filters",),
    packages=(*KERAS, "numpy", "awkward", "onnx"),
)

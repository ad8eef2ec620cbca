"""Distance to the plane of the principal components: the simplest detector of anomalies."""

from boostflow.models.family import Family
from boostflow.models.hyperplane.block import Hyperplane

FAMILY = Family(
    block=Hyperplane,
    title="PCA",
    history_axis="Principal components",
    packages=("numpy", "scikit-learn"),
)
"""The configuration of the principal components."""

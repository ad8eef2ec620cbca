"""Showers by the classical parametrisation, the baseline of all that learn.

block    its configuration                     generator  showers from the parameters
train    the fit of the parameters
"""

from boostflow.models.family import Family
from boostflow.models.gflash.block import Gflash

FAMILY = Family(
    block=Gflash,
    title="Parametrisation",
    score=".generated",
    generator="generator",
    history_axis="Evaluation",
    packages=("numpy", "scipy"),
)

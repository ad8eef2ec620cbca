"""Showers by quantiles of every cell, joined by a Gaussian copula: a flow of one linear layer.

block    its configuration                     generator  showers from the tables
train    the tables from showers
"""

from boostflow.models.copula.block import Copula
from boostflow.models.family import Family

FAMILY = Family(
    block=Copula,
    title="Copula",
    score=".generated",
    generator="generator",
    history_axis="Column",
    packages=("numpy", "scipy"),
)

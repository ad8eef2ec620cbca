"""Probabilities by Bayes' theorem from deviations of a normal distribution, without a training."""

from boostflow.models.bayes.block import Bayes
from boostflow.models.family import Family

FAMILY = Family(block=Bayes, title="Bayes", packages=("numpy",))

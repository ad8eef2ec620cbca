"""Cuts on n-sigma values: what others have to be better than."""

from boostflow.models.family import Family
from boostflow.models.sigmacut.block import SigmaCut

FAMILY = Family(block=SigmaCut, title="n-sigma cut", packages=("numpy",))

"""A cut on one observable as a classifier: what others have to be better than."""

from boostflow.models.family import Family
from boostflow.models.single.block import Single

FAMILY = Family(block=Single, title="Cut", packages=("numpy",))

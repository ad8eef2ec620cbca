"""XGBoost, which a job has in a quarter of the time."""

from __future__ import annotations

from types import ModuleType

from boostflow.alone import without


def xgboost() -> ModuleType:
    """The library; in a job without its classes for scikit-learn, whose import takes 3 s."""
    with without("sklearn"):
        import xgboost

    return xgboost

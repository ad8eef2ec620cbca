"""Which plots each kind of model and stage leaves: rules declare their files from here."""

from __future__ import annotations

MODEL_PLOTS = {
    "bdt": ("roc", "confusion", "scores", "significance", "history", "importance"),
    "ucluster": ("accuracy", "confusion", "embedding", "mass", "roc", "attention", "history"),
    "events": ("planes", "clusters", "history"),
}
"""Names of the plots of the stage evaluate by kind of model; `events`: clusterings of events."""
SYSTEMATIC_PLOTS = ("roc", "auc", "significance")
"""Plots of what the variations do to a model's figures, besides those: `{name}_systematics`."""


def systematic_plots(kind: str) -> list[str]:
    """Names of the plots of the systematic errors of a kind of model."""
    return [
        f"{name}_systematics"
        for name in SYSTEMATIC_PLOTS
        if name != "significance" or name in MODEL_PLOTS[kind]
    ]


def fit_plots(regions: list[str], systematics: dict[str, str]) -> list[str]:
    """Names of the plots of the stage infer.

    Args:
        regions: names of the regions.
        systematics: kind of each systematic by name.
    """
    varied = [f"systematic_{name}" for name, kind in systematics.items() if kind != "rate"]
    return [*(f"prefit_{region}" for region in regions), "ranking", "breakdown", *varied]

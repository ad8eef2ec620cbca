"""Which plots each kind of model and stage leaves: rules declare their files from here."""

from __future__ import annotations

MODEL_PLOTS = {
    "bdt": ("roc", "confusion", "scores", "significance", "history", "importance"),
    "ucluster": ("accuracy", "confusion", "embedding", "mass", "roc", "attention", "history"),
    "events": ("planes", "clusters", "history"),
}
"""Names of the plots of the stage evaluate by kind of model; `events`: clusterings of events."""


def fit_plots(regions: list[str], systematics: dict[str, str]) -> list[str]:
    """Names of the plots of the stage infer.

    Args:
        regions: names of the regions.
        systematics: kind of each systematic by name.
    """
    varied = [f"systematic_{name}" for name, kind in systematics.items() if kind != "rate"]
    return [*(f"prefit_{region}" for region in regions), "ranking", "breakdown", *varied]


def background_plots(abcd: bool, sideband: bool, control: bool, composition: bool) -> list[str]:
    """Names of the plots of the stage background, by which estimates there are."""
    return [
        *(["abcd", "abcd_mass"] if abcd else []),
        *(["sideband", "sideband_signal"] if sideband else []),
        *(["control"] if control else []),
        *(["composition", "clusters"] if composition else []),
    ]

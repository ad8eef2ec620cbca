"""Which jobs go first where cores are few."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.plans import CONFIG, Plan

SYSTEMATICS = {
    "jes": {"kind": "shift", "correction": "jes"},
    "fsr": {"kind": "sample", "samples": ["top"], "up": ["TimeShower:renormMultFac = 0.25"]},
    "depth": {"kind": "model", "model": "bdt", "up": {"max_depth": 3}},
}


@pytest.mark.slow
def test_what_long_trainings_wait_for_goes_first_and_what_is_long_before_what_is_short(
    tmp_path: Path,
) -> None:
    found = Plan(tmp_path, CONFIG, SYSTEMATICS).priorities()

    def of(rule: str, *words: str) -> set[float]:
        wanted = words or ("",)
        return {
            priority
            for (name, what), priority in found.items()
            if name == rule and any(word in what for word in wanted)
        }

    order = [
        of("train_ucluster"),
        of("prepare_ucluster"),
        of("simulate", "nominal") | of("ingest", "nominal") | of("select", "nominal"),
        of("simulate", "fsr_up") | of("train_bdt", "nominal", "depth_up"),
        of("ingest", "fsr_up"),
        of("select", "fsr_up", "jes_up"),
        of("score") | of("templates"),
    ]
    assert all(len(same) == 1 for same in order)
    values = [value for same in order for value in same]
    assert values == sorted(set(values), reverse=True)
    # The fit, which others wait for, before the plots; and before it what can end the run.
    assert of("health") == {2} and of("infer") == {1} and of("plot_cutflow") == {0}

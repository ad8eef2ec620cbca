"""The first page of the report: whole and by itself, whatever a run has."""

from __future__ import annotations

import html.parser
from pathlib import Path
from typing import Any

import pytest

from boostflow.jobs.base import Label
from boostflow.summary.page import flagged, page, results

NOTHING: dict[str, Any] = {"samples": {}, "notes": {}, "models": {}}
LABEL = Label("boostflow simulation", "138 fb$^{-1}$ (13 TeV)")
STRENGTH = {
    "text": "mu = 1.00 ± 0.07 (stat) ± 0.10 (exp) ± 0.05 (model)",
    "significance": {"expected": 9.5},
    "limit": {"level": 0.95, "expected": [0.1, 0.2, 0.3, 0.4, None]},
}
FIT = {
    "data": "asimov",
    "pois": {"mu": STRENGTH},
    "correlation": {"names": ["mu"], "matrix": [[1.0]]},
}
EFFECT = {"entry": "jes", "region": "pass", "sample": "top", "up": 0.25, "down": None}


class Tags(html.parser.HTMLParser):
    """The texts of a page by the tag or class that they stand in, and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.loaded: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.loaded += [v or "" for k, v in attrs if k in ("src", "href", "action")]
        if tag not in ("meta", "img", "br"):
            self.open.append(found.get("class") or tag)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.texts.setdefault(self.open[-1], []).append(data.strip())


def made(
    summary: dict[str, Any], effects: list[dict[str, Any]] | None = None, *figures: Path
) -> Tags:
    return Tags(page({**NOTHING, **summary}, effects or [], figures, LABEL))


def test_a_fit_its_figure_and_what_is_flagged(tmp_path: Path) -> None:
    image = tmp_path / "measurement.png"
    image.write_bytes(bytes(range(256)) * 90)
    health = {"effects": 9, "flagged": 1, "counts": {"large": 1, "zero": 0}}
    summary = {"fit": FIT, "health": health, "notes": {"no jet of <top> passes": ["top"]}}
    tags = made(summary, [{**EFFECT, "flags": ["large"]}, {**EFFECT, "flags": []}], image)
    assert tags.texts["h1"] == ["What was measured · 138 fb⁻¹ (13 TeV)"]
    assert tags.texts["result"] == ["μ = 1.00 ± 0.07 (stat) ± 0.10 (exp) ± 0.05 (model)"]
    assert tags.texts["said"][0] == "discovery significance (expected): 9.50"
    assert any("Asimov data" in text for text in tags.texts["said"])
    assert tags.texts["li"][0].startswith("Health check: 1 of 9")
    assert tags.texts["li"][1] == "top: no jet of <top> passes"
    assert tags.texts["td"][:6] == ["jes", "pass", "top", "+25.0 %", "-", "large"]
    assert [source[:22] for source in tags.loaded] == ["data:image/png;base64,"]


def test_each_parameter_of_interest_has_its_line() -> None:
    pois = {
        name: {**STRENGTH, "text": f"{name} = 1.0 ± {error}"}
        for name, error in (("mu_top", 0.1), ("mu_v", 0.3))
    }
    tags = made({"fit": {**FIT, "pois": pois}})
    assert tags.texts["result"] == ["μ", "= 1.0 ± 0.1", "μ", "= 1.0 ± 0.3"]
    assert tags.texts["sub"] == ["top", "v"]
    assert "upper limit at 95 % CL (expected, 68 %): mu_v < 0.3 (0.2 to 0.4)" in tags.texts["said"]


def test_no_line_is_too_long_for_docutils(tmp_path: Path) -> None:
    image = tmp_path / "measurement.png"
    image.write_bytes(bytes(range(256)) * 90)
    lines = page({**NOTHING, "fit": FIT}, [], [image], LABEL).splitlines()
    assert max(map(len, lines)) < 10_000


@pytest.mark.parametrize("figures", [0, 1])
def test_a_run_without_a_fit(tmp_path: Path, figures: int) -> None:
    image = tmp_path / "cutflow.png"
    image.write_bytes(b"png")
    value = {"value": 0.98, "error": 0.01}
    model = {"accuracy": value, "macro_auc": value, "auc": {"top": value}}
    tags = made({"models": {"bdt": model}}, None, *[image][:figures])
    assert tags.texts["result"] == ["macro AUC of bdt: 0.980 ± 0.010"]
    assert tags.texts["said"][0] == "No fit of a signal was asked for (infer)."
    assert tags.texts["flags none"] == ["Nothing."]
    assert len(tags.loaded) == figures


def test_a_run_without_anything() -> None:
    assert made({}).texts["result"] == ["Selected events; nothing was fitted and no model judged"]


def test_background_estimates_are_results() -> None:
    found = {"abcd": {"value": 1234.4, "error": 56.0, "truth": {"value": 1200.0}}}
    found["sideband"] = {"value": None, "error": None, "truth": None, "reason": "no function fits"}
    summary = {**NOTHING, "background": found}
    assert results(summary) == [
        ("ABCD, events in A: 1234 ± 56", ["pseudo-data: 1200"]),
        ("sideband, events in window: no result", []),
    ]
    assert made(summary).texts["li"] == ["sideband: no function fits"]


def test_effects_without_flags_are_not_listed() -> None:
    assert flagged([{**EFFECT, "flags": []}]).rows == []

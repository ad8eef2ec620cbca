"""The page that compares templates: what it is given, and that a browser draws it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from boostflow.config.systematics import AnySystematic, Rate, Shift, Weight
from boostflow.plots.style import Label
from boostflow.plots.toggle import compared, page
from boostflow.templates.files import Template, TemplateSet

LABEL = Label("", "138 fb$^{-1}$ (13 TeV)")
BROWSER = shutil.which("chromium")
TOP, QUARK = np.array([2.0, 40.0, 9.0]), np.array([900.0, 600.0, 300.0])


def template(values: np.ndarray) -> Template:
    """A template of jets of weight 0.5."""
    return Template(values, 0.5 * values, np.array([50.0, 110.0, 170.0, 290.0]), "msoftdrop")


def analysis() -> tuple[dict[str, TemplateSet], dict[str, AnySystematic]]:
    """Templates of two samples in two regions, a rate, a shift, and weights of one sample."""

    def both(top: float = 1.0, quark: float = 1.0) -> TemplateSet:
        pair = {"top": template(TOP * top), "quark": template(QUARK * quark)}
        return {"pass": pair, "fail": {**pair, "quark": template(30 * QUARK * quark)}}

    templates = {
        "nominal": both(),
        "jes_up": both(1.026, 1.1),
        "jes_down": both(0.975, 0.9),
        "isr_up": both(1.2),
    }
    systematics: dict[str, AnySystematic] = {
        "lumi": Rate(kind="rate", value=0.016),
        "jes": Shift(kind="shift", correction="jes"),
        "isr": Weight(kind="weight", up="weight_isr_up", samples=["top"], regions=["pass"]),
    }
    return templates, systematics


def test_contents_are_those_that_the_fit_uses() -> None:
    templates, systematics = analysis()
    data = compared(systematics, templates, ["top"])
    assert [entry["name"] for entry in data["entries"]] == ["jes", "isr"]  # a rate has none
    assert data["variable"] == "Soft-drop mass [GeV]"
    assert [name for name, of in data["samples"].items() if of["signal"]] == ["top"]
    shown = data["regions"]["pass"]["samples"]["top"]
    assert shown == {"values": TOP.tolist(), "errors": pytest.approx(np.sqrt(TOP / 2), rel=1e-5)}
    jes, isr = (entry["changed"] for entry in data["entries"])
    assert jes["pass"]["quark"] == pytest.approx(np.array([1.1 * QUARK, 0.9 * QUARK]))
    # One side alone is mirrored, and it touches one sample in one region.
    assert isr == {"pass": {"top": pytest.approx(np.array([1.2 * TOP, 0.8 * TOP]))}}


def test_the_page_needs_nothing_else() -> None:
    templates, systematics = analysis()
    systematics["jes"] = systematics["jes"].model_copy(update={"title": "</script> & <b>"})
    text = page(compared(systematics, templates, ["top"]), LABEL)
    assert "138 fb⁻¹ (13 TeV)" in text
    assert not re.search(r"(src|href)=", text) and "http" not in text
    # A title ends no script.
    assert text.count("</script>") == 1 and "<b>" not in text


@pytest.mark.integration
@pytest.mark.skipif(BROWSER is None, reason="no chromium here")
def test_a_browser_draws_three_layers(tmp_path: Path) -> None:
    templates, systematics = analysis()
    path = tmp_path / "systematics.html"
    path.write_text(page(compared(systematics, templates, ["top"]), LABEL), encoding="utf-8")
    assert BROWSER is not None
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run([*command, f"file://{path}"], capture_output=True, text=True, check=True)
    for side in ("nominal", "up", "down"):  # in the upper and in the lower panel
        assert done.stdout.count(f'stroke="var(--{side})"') == 2
    assert re.search(r'role="status">[\d,.]+ events · up [+-]', done.stdout)
    numbers = re.findall(r'y="([\d.]+)" text-anchor="end">([\d.]+)<', done.stdout)
    ratios = [float(said) for down, said in numbers if 374 < float(down) < 512]
    assert min(ratios) < 1 < max(ratios)  # the scale of the lower panel can be read

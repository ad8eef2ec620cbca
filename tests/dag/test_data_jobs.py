"""Collision data that count once: which selections read the parts of other samples."""

from __future__ import annotations

import os
import time
from pathlib import Path

from support.plans import Plan

AFTER = {(rule, "") for rule in ("summary", "plot_cutflow", "provenance", "default")}


def test_data_that_come_first_are_read_again_with_them(tmp_path: Path) -> None:
    samples = {}
    for name in ("jets", "top", "met", "muons"):
        (tmp_path / f"{name}.root").touch()
        kind = {"label": "top", "xsec": 1.0} if name == "top" else {"data": True}
        samples[name] = {"source": "root", "files": [f"{name}.root"], **kind}
    samples["box"] = {"source": "lhco", "files": ["box.h5"], "data": True}
    (tmp_path / "box.h5").touch()
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 20_000,) * 2)
    plan = Plan(tmp_path, {"samples": samples, "models": {}}, {})

    def read(name: str) -> set[str]:
        inputs = plan.inputs(("select", f"nominal/{name}"))
        return {Path(path).stem for path in inputs if Path(path).parent.name == "nominal"}

    assert read("jets") == {"jets"} and read("top") == {"top"}
    assert read("met") == {"jets", "met"}
    assert read("muons") == {"jets", "met", "muons"}
    assert read("box") == {"box"}
    plan.finish()
    # Triggers of the second dataset say what is left of the third one, not of the first one.
    plan.config["samples"]["met"]["triggers"] = ["HLT_MET"]
    assert (
        plan.jobs()
        == {
            ("check", ""),
            ("ingest", "nominal/met/0"),
            ("list_parts", "nominal/met"),
            ("select", "nominal/met"),
            ("select", "nominal/muons"),
        }
        | AFTER
    )

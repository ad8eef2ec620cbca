"""What is shown of the background estimates."""

from __future__ import annotations

from boostflow.io import read_json
from boostflow.jobs.background import PlotBackground
from boostflow.plots import background as draw
from boostflow.plots.style import save, style


def plot(job: PlotBackground, files: PlotBackground.Files) -> None:
    """Draw the plots of `plots.names.background_plots`.

    Args:
        job: the settings.
        files: the estimates, and the folder of the plots.
    """
    config, label, folder = job.background, job.label, files.plots
    result = read_json(files.figures)
    with style():
        if "abcd" in result:
            figure = draw.plane(result["abcd"], config.abcd, job.scores, job.kinds, label)
            save(figure, folder / "abcd.png")
            save(draw.by_mass(result["abcd"], label), folder / "abcd_mass.png")
        if "sideband" in result:
            save(draw.spectrum(result["sideband"], label), folder / "sideband.png")
            save(draw.injection(result["sideband"], label), folder / "sideband_signal.png")
        if "control" in result:
            save(draw.control(result["control"], label), folder / "control.png")
        if config.composition:
            found = result.get("composition")
            save(draw.composition(found, label), folder / "composition.png")
            save(draw.clusters(found, label), folder / "clusters.png")

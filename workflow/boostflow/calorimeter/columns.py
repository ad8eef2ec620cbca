"""Names of the columns of a shower, as configurations and tables have them."""

from __future__ import annotations

from boostflow.calorimeter.geometry import CELLS, LAYERS

LOWEST, HIGHEST = 1.0, 100.0
"""Energies (GeV) that the cascade is for, and checked at."""
ENERGY = "energy"
"""Energy of the particle that enters (GeV)."""
CELL_COLUMNS = tuple(f"cell_{number}" for number in range(CELLS))
"""Energy in each cell (MeV), those of layer 0 first, each layer row by row (phi, then eta)."""
OF_LAYER = {
    "layer": "Energy in layer {} (GeV)",
    "fraction": "Part of the energy in layer {}",
    "sparsity": "Part of the cells of layer {} with energy",
    "ratio": r"$(E_{{1}} - E_{{2}}) / (E_{{1}} + E_{{2}})$ of the cells of layer {}",
    "eta_width": r"Width in $\eta$ in layer {} (mm)",
    "phi_width": r"Width in $\phi$ in layer {} (mm)",
}
"""Shapes of each layer with titles; `ratio` is of the two cells with most energy."""
OF_SHOWER = {
    "total": "Energy in all cells (GeV)",
    "response": "Energy in all cells / energy of the particle",
    "depth": "Mean depth (mm)",
    "depth_width": "Spread of the depth (mm)",
}
"""Shapes of the whole shower with titles."""
TITLES = OF_SHOWER | {
    f"{name}_{number}": title.format(number)
    for name, title in OF_LAYER.items()
    for number in range(len(LAYERS))
}
"""Titles of all shapes by the names of their columns."""
SHAPES = tuple(TITLES)
"""Names of all shapes."""


def all_columns() -> list[str]:
    """All columns of a shower."""
    return [ENERGY, *SHAPES, *CELL_COLUMNS]

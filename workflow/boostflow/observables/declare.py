"""How a column of the jets is declared: once, with all that the rest of the analysis must know.

This module is read when a run is planned and imports the standard library alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from boostflow.observables.jets import Jets

    Formula = Callable[[Jets], np.ndarray]


class Unit(StrEnum):
    """The unit of a column."""

    NONE = ""
    """A pure number."""
    GEV = "GeV"
    """Unit of energies, momenta and masses: they grow with the jet when its energy is scaled."""
    RAD = "rad"
    """Unit of angles."""
    CM = "cm"
    """Unit of lengths, as in NanoAOD."""
    CHARGE = "e"
    """Unit of electric charges."""


class Of(StrEnum):
    """What a column describes."""

    JET = "jet"
    """The jet of the row."""
    CONSTITUENT = "constituent"
    """Each constituent of the jet: the column is jagged."""
    VERTEX = "vertex"
    """Each secondary vertex of the jet: the column is jagged."""
    EVENT = "event"
    """The jet's event, on each of its rows."""
    GENERATOR = "generator"
    """The generator jet that is matched to the jet; no shift moves it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the selected jets.

    Raises:
        ValueError: a mass that has not the unit of one.
    """

    name: str
    """How tables and configurations call it."""
    title: str
    """How axes call it, without the unit."""
    unit: Unit = Unit.NONE
    """Unit of the column."""
    of: Of = Of.JET
    """The object that the column describes."""
    mass: bool = False
    """Whether it is a mass of the jet: shifts and smearing of jet masses act on it."""
    groomed: bool = False
    """Grooming has removed a part of the jet first: generator jets have no such value here, so
    smearing takes it as unmatched."""
    feature: bool = False
    """Whether models may take the column."""
    variable: bool = False
    """Whether templates and cuts may take the column; features always can be taken."""

    def __post_init__(self) -> None:
        if self.mass and self.unit is not Unit.GEV:
            raise ValueError(f"{self.name}: a mass must be in GeV, not {self.unit.value!r}")

    @property
    def axis(self) -> str:
        """Title of an axis, with the unit."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    @property
    def scales(self) -> bool:
        """Whether it is multiplied by the factor that scales the jet's energy."""
        return self.unit is Unit.GEV and self.of in (Of.JET, Of.CONSTITUENT, Of.VERTEX)


@dataclass(frozen=True, kw_only=True)
class Observable(Column):
    """A column that is computed from the constituents of the jet."""

    formula: Formula
    """Formula from a block of jets to a float64 for each of them."""
    charges: bool = False
    """Whether the formula needs the charges of the constituents."""
    tracks: bool = False
    """Whether it needs their charges and impact parameters."""
    vertices: bool = False
    """Whether it needs secondary vertices."""
    standard: bool = False
    """Whether models take it as a feature unless they are told otherwise."""
    branch: str | None = None
    """Field of `FatJet` in NanoAOD that has it where a file has no constituents."""
    calibrated: bool = False
    """The file's own value is preferred to the computed one, and follows variations of
    constituents as the latter does."""
    ratio: tuple[str, str] | None = None
    """Observables whose ratio it is: with both of them from the file it can be had, too."""

    @property
    def needs(self) -> str:
        """What a file must have for it, in words."""
        inside = "jet constituents"
        if self.tracks:
            inside += " with impact parameters"
        elif self.charges:
            inside += " with charges"
        elif self.vertices:
            inside += " and secondary vertices"
        if self.branch is not None:
            return f"{inside} or FatJet_{self.branch}"
        return inside if self.ratio is None else f"{inside}, or {' and '.join(self.ratio)}"


def declaring(observables: dict[str, Observable]) -> Callable[..., Callable[[Formula], Formula]]:
    """A decorator that adds functions to a dictionary of observables, by their names."""

    def observable(
        title: str,
        unit: Unit = Unit.NONE,
        *,
        mass: bool = False,
        groomed: bool = False,
        charges: bool = False,
        tracks: bool = False,
        vertices: bool = False,
        standard: bool = False,
        stored: bool = True,
        branch: str | None = None,
        calibrated: bool = False,
        ratio: tuple[str, str] | None = None,
    ) -> Callable[[Formula], Formula]:
        """Declare a function from `Jets` to one number a jet as the observable of its name.

        Args:
            stored: whether ingest writes it into its tables, where models and templates find it.
            title, unit, mass, groomed, charges, tracks, vertices, standard, branch, calibrated,
                ratio: as the attributes of `Observable`.

        Raises:
            ValueError: the name is taken.
        """

        def add(formula: Formula) -> Formula:
            name = formula.__name__
            if name in observables:
                raise ValueError(f"there are two observables of the name {name}")
            observables[name] = Observable(
                name=name,
                title=title,
                unit=unit,
                mass=mass,
                groomed=groomed,
                feature=stored,
                formula=formula,
                charges=charges or tracks,
                tracks=tracks,
                vertices=vertices,
                standard=standard,
                branch=branch,
                calibrated=calibrated,
                ratio=ratio,
            )
            return formula

        return add

    return observable

"""Blocks of the background estimates from data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from boostflow.config.base import Block, Name, Range, share_values
from boostflow.config.defaults import CLASSIFIER, CLUSTERING, QCD


class Cut(Block):
    """A range of a score or an observable of one jet of the event."""

    model: Name | None = None
    """Model whose score it is; null for a column of the selected jets."""
    column: str
    """Column of the score table, or of the selected jets."""
    jet: Literal["leading", "second"] = "leading"
    """The selected jet of the event, by pT. Events without a second one are in no range of it."""


class Selection(Cut):
    """A range of a score or an observable of one jet of the event that is selected."""

    range: Range
    """The lower edge belongs to it; 1 belongs to a range that ends there."""


class Axis(Cut):
    """One of the two variables of an ABCD estimate."""

    signal: Range
    """Range in which the signal is."""
    control: Range
    """Range without the signal; a gap between the two ranges is left out."""

    @model_validator(mode="after")
    def apart(self) -> Axis:
        """The ranges do not overlap."""
        if share_values(self.signal, self.control):
            raise ValueError(f"signal {self.signal} and control {self.control} overlap")
        return self

    def hull(self) -> tuple[float, float]:
        """The range that is drawn: from the lower to the upper end of signal and control."""
        return min(self.signal[0], self.control[0]), max(self.signal[1], self.control[1])


class ABCD(Block):
    """N_A = N_B N_C / N_D from two variables that are independent for the estimated samples."""

    samples: list[Name] = Field(list(QCD), min_length=1)
    """Samples that are estimated together; all others are subtracted as simulated."""
    x: Axis = Axis(model=CLASSIFIER, column="p_top", signal=[0.5, 1.0], control=[0.0, 0.5])
    """A and B are in its signal range."""
    y: Axis = Axis(
        model=CLASSIFIER, column="p_top", jet="second", signal=[0.1, 1.0], control=[0.0, 0.1]
    )
    """A and C are in its signal range."""


class Sideband(Block):
    """A smooth function fitted beside a window of a mass and read off inside."""

    samples: list[Name] = Field(list(QCD), min_length=1)
    """Samples with a smooth spectrum, estimated together; all others but the signal of `infer` are
    subtracted as simulated."""
    variable: str = "msoftdrop"
    """Column of the selected jets."""
    range: Range = [50.0, 290.0]
    """Range of the fit (GeV)."""
    bins: int = Field(48, ge=6, le=1000)
    """Number of bins of equal width in that range."""
    window: Range = [140.0, 210.0]
    """Left out of the fit (GeV); widened to whole bins."""
    within: Selection | None = None
    """Only events in this range; null for all candidate jets."""
    families: list[Literal["exponential", "bernstein", "power"]] = Field(
        ["exponential", "bernstein", "power"], min_length=1
    )
    """exponential: exp of a polynomial; bernstein: a positive polynomial; power: the dijet function
    (1 - x)^a / x^(b + c log x). The first that fits gives the estimate, the others its model
    uncertainty."""

    @model_validator(mode="after")
    def window_is_inside(self) -> Sideband:
        """There is a sideband on both sides."""
        if not self.range[0] < self.window[0] < self.window[1] < self.range[1]:
            raise ValueError(f"window {self.window} is not inside range {self.range}")
        if "power" in self.families and self.range[0] <= 0:
            raise ValueError(f"families: power needs a range above 0, not {self.range}")
        return self


class Control(Selection):
    """A region rich in one process, whose normalisation it gives."""

    samples: list[Name] = Field(min_length=1)
    """Samples that are scaled together; all others are subtracted as simulated."""
    enters: Literal["nothing", "constrained", "free"] = "nothing"
    """How the fit of `infer` uses the scale factor. nothing: it does not. constrained: templates
    are scaled by it and its error is a nuisance parameter. free: they are scaled by a free
    parameter that starts there (a normfactor), which the regions of the fit must determine."""


class Composition(Block):
    """Yields of classes from the clusters of a model: no label of the data is used."""

    model: Name = CLUSTERING
    """A clustering of jets."""
    classes: dict[Name, list[Name]] = Field(
        {"top": ["top"], "w": ["w", "wjet"], "z": ["z", "zjet"], "qcd": list(QCD)}, min_length=1
    )
    """Samples of each class, fitted with one yield. Classes whose clusters and masses look alike
    cannot be told apart: put them together."""
    variable: str = "msoftdrop"
    """Column of the selected jets, in bins for each cluster."""
    within: Selection | None = None
    """Only events in this range; null for all candidate jets."""
    bins: int = Field(12, ge=1, le=1000)
    """Number of bins; neighbours are merged while too little is simulated."""
    range: Range = [10.0, 290.0]
    """Axis range (GeV for masses); what lies outside is not counted."""
    bin_error_max: float = Field(0.3, gt=0)
    """Neighbouring bins are merged until the relative statistical error of the simulation is not
    larger than this."""
    systematics: list[Name] = []
    """Systematics that vary P(cluster, bin | class), each by one constrained parameter."""
    condition_max: float = Field(20.0, gt=1)
    """Condition number of the matrix P(cluster, bin | class) above which there is no result."""
    fit_probability_min: float = Field(0.01, gt=0, lt=1)
    """Probability of the goodness of fit below which there is no result."""


class Background(Block):
    """Background estimates from data."""

    data: Literal["pseudo", "observed"] = "pseudo"
    """pseudo: events of the validation split, each drawn a Poisson number of times; observed: the
    samples with `data: true`, in region A, in the window of the sideband and for the composition
    only with `infer.unblind`."""
    seed: int = Field(1, ge=0)
    """Seed of the pseudo-data."""
    subtraction_uncertainty: float = Field(0.1, ge=0, lt=1)
    """Relative uncertainty of the yield of each process that is subtracted."""
    abcd: ABCD | None = None
    """null for none."""
    sideband: Sideband | None = None
    """null for none."""
    control: dict[Name, Control] = {}
    """Control regions by name."""
    composition: Composition | None = None
    """null for none."""

    @model_validator(mode="after")
    def does_something(self) -> Background:
        """Refuse a block that asks for no estimate at all."""
        if not (self.abcd or self.sideband or self.control or self.composition):
            raise ValueError("needs abcd, sideband, control or composition (or leave it null)")
        return self

    def models(self) -> set[str]:
        """The models whose scores are read."""
        names = {cut.model for cut in self._cuts().values() if cut.model}
        return names | ({self.composition.model} if self.composition else set())

    def columns(self) -> dict[str, str]:
        """Columns of the selected jets that are read, by the keys that name them."""
        cuts = {key: cut.column for key, cut in self._cuts().items() if cut.model is None}
        blocks = {"sideband": self.sideband, "composition": self.composition}
        return cuts | {f"{key}.variable": block.variable for key, block in blocks.items() if block}

    def _cuts(self) -> dict[str, Cut]:
        """Ranges of scores and columns, by their keys."""
        cuts: dict[str, Cut] = {f"control.{name}": cut for name, cut in self.control.items()}
        if self.abcd is not None:
            cuts |= {"abcd.x": self.abcd.x, "abcd.y": self.abcd.y}
        for key, block in (("sideband", self.sideband), ("composition", self.composition)):
            if block is not None and block.within is not None:
                cuts[f"{key}.within"] = block.within
        return cuts

    def entering(self) -> list[str]:
        """Control regions that the fit uses."""
        return [name for name, region in self.control.items() if region.enters != "nothing"]

"""Blocks of the stages that make tables of jets: simulate, ingest, select; and of evaluate."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from boostflow.config.base import Block, FilePath, Fraction, Name, Range, Setting
from boostflow.config.embedding import Background
from boostflow.config.monitored import Monitoring
from boostflow.config.regression import Regression
from boostflow.launch import has_slurm


class Tracking(Block):
    """Impact parameters of tracks, and secondary vertices of those that are displaced.

    Resolutions are a (+) b / (pT sqrt(sin theta)), added in quadrature: the hits' own, and multiple
    scattering. The defaults are about those of an innermost layer at 3 to 4 cm.
    """

    d0_resolution: float = Field(10.0, gt=0, le=1e4)
    """a of the transverse impact parameter (um)."""
    d0_scattering: float = Field(70.0, ge=0, le=1e5)
    """b of the transverse impact parameter (um GeV)."""
    z0_resolution: float = Field(40.0, gt=0, le=1e4)
    """a of the longitudinal impact parameter (um)."""
    z0_scattering: float = Field(100.0, ge=0, le=1e5)
    """b of the longitudinal impact parameter (um GeV)."""
    radius_max: float = Field(100.0, gt=0)
    """A charged particle that is made farther from the beam has no track, only energy (mm)."""
    displaced_min: float = Field(2.0, ge=0)
    """Tracks with a transverse impact parameter of more than so many errors make vertices."""
    vertex_chi2_max: float = Field(9.0, gt=0)
    """Most chi2 that a track may add to a vertex."""
    flight_significance_min: float = Field(3.0, ge=0)
    """Vertices are at least so many errors of their distance from the primary one."""


NO_CALORIMETER = "none"
CALORIMETERS = (NO_CALORIMETER, "cascade")
"""Calorimeters that need no trained model."""


class Detector(Block):
    """The toy detector: acceptance, smearing, granularity, tracking efficiency."""

    enabled: bool = True
    """false writes generator particles as they are."""
    abs_eta_max: float = Field(4.0, gt=0, le=6)
    """Acceptance in |eta|."""
    track_pt_min: float = Field(0.5, ge=0)
    """Threshold of charged particles (GeV)."""
    track_efficiency: float = Field(0.95, ge=0, le=1)
    """Probability to reconstruct a charged particle as a track; else only its energy is seen."""
    track_resolution: float = Field(0.01, ge=0, lt=1)
    """Relative pT resolution of tracks at 10 GeV (grows with pT)."""
    tower_size: float = Field(0.02, gt=0, le=0.5)
    """Cell size in eta and phi for neutral energy."""
    ecal_resolution: float = Field(0.05, ge=0, lt=1)
    """Stochastic term of photons: sigma(E)/E = this / sqrt(E/GeV), plus 0.5 %."""
    hcal_resolution: float = Field(0.5, ge=0, lt=2)
    """Stochastic term of neutral hadrons: sigma(E)/E = this / sqrt(E/GeV), plus 3 %."""
    neutral_pt_min: float = Field(0.5, ge=0)
    """Threshold of a cell (GeV)."""
    calorimeter: FilePath = NO_CALORIMETER
    """How photons and electrons without a track are measured within |eta| < 2.5. none: their energy
    is smeared. cascade: each makes a shower in a sampling calorimeter (docs/showers.md). Else the
    folder of a trained model that generates showers: `results/showers/models/photons/nominal`. With
    showers jets have the energies `em_layer_0`, `em_layer_1`, `em_layer_2`."""
    tracking: Tracking | None = None
    """Impact parameters of tracks, and secondary vertices; `{}` for the defaults, null for none."""

    @property
    def showers(self) -> bool:
        """Whether showers are made."""
        return self.calorimeter != NO_CALORIMETER

    @property
    def shower_model(self) -> str | None:
        """The folder of the model that generates showers, if one does."""
        return self.calorimeter if self.calorimeter not in CALORIMETERS else None

    @model_validator(mode="after")
    def tracks_are_measured(self) -> Detector:
        """Impact parameters and showers are those that a detector finds."""
        if self.showers and not self.enabled:
            raise ValueError("calorimeter needs `enabled: true`: showers are the detector's")
        if self.tracking is not None and not self.enabled:
            raise ValueError("tracking needs `enabled: true`: tracks are the detector's")
        return self


class Simulation(Block):
    """What all simulated samples share."""

    ecm: float = Field(13_000.0, gt=1000)
    """Centre-of-mass energy (GeV)."""
    pthat: Range = [950.0, 1100.0]
    """Range of the hard process' transverse momentum (GeV)."""
    mpi: bool = True
    """Multi-parton interactions; off is about three times faster."""
    jet_radius: float = Field(0.8, gt=0.1, le=1.5)
    """Radius of the anti-kT fat jets."""
    jet_pt_min: float = Field(200.0, gt=0)
    """Fat jets below this transverse momentum are not written (GeV)."""
    detector: Detector = Detector()
    charged: bool = False
    """Jets are made of charged particles alone, within the detector's acceptance and above its
    threshold of tracks, and lie in it with all of their radius; so do generator jets."""
    background: Background | None = None
    """What events are embedded in: {kind: thermal} for a heavy-ion collision, {kind: pileup} for
    more proton collisions; jets then have an area, their event a `rho`. null for nothing."""
    constituents: bool = True
    """false: files have jets without their constituents and without N-subjettiness and soft drop,
    but with the momenta of the leading constituents: small, where a jet has hundreds."""
    settings: list[Setting] = []
    """Further Pythia settings, read after those above: `Tune:pp = 21`."""
    bias_weights: bool = True
    """false: events count alike, also where `PhaseSpace:bias2Selection` makes more of them at high
    momenta, so that spectra stay biased: for taggers, which few events of large weights spoil."""

    @model_validator(mode="after")
    def pthat_is_possible(self) -> Simulation:
        """Transverse momentum beyond half the centre-of-mass energy does not exist."""
        if self.pthat[0] < 0 or self.pthat[1] > self.ecm / 2:
            raise ValueError(
                f"pthat: [{self.pthat[0]:g}, {self.pthat[1]:g}] is not between 0 and half of ecm,"
                f" {self.ecm / 2:g} GeV"
            )
        return self

    @model_validator(mode="after")
    def fits_together(self) -> Simulation:
        """A background has no vertices; jets of charged particles fit into the acceptance."""
        if self.detector.tracking is not None and (self.background or not self.constituents):
            raise ValueError(
                "tracking needs constituents, and no `background`, whose particles have no vertices"
            )
        if self.charged and self.jet_radius >= self.detector.abs_eta_max:
            raise ValueError(
                f"charged jets of radius {self.jet_radius:g} do not fit into"
                f" detector.abs_eta_max: {self.detector.abs_eta_max:g}"
            )
        return self


class Dask(Block):
    """The workers of the dask executor."""

    cluster: Literal["auto", "local", "slurm"] = "auto"
    """slurm: each worker is a SLURM job of one CPU (dask-jobqueue), on any node; local: a process
    beside the one that ingests; auto: slurm where `sbatch` knows a cluster, else local."""
    partition: str | None = None
    """Partition of the worker jobs; null: that of the job that ingests, else SLURM's default."""
    account: str | None = None
    """Account of the worker jobs; null: the user's default."""
    mem_mb: int = Field(2000, ge=500)
    """Memory of a worker (MB)."""
    runtime: int = Field(60, ge=1)
    """Time limit of a worker job (minutes)."""
    sbatch: list[str] = []
    """Further options of the worker jobs: `--qos=short`."""

    def on_slurm(self) -> bool:
        """Whether the workers are SLURM jobs."""
        if self.cluster == "auto":
            return has_slurm()
        return self.cluster == "slurm"


class Ingest(Block):
    """Reading files: ROOT with coffea, those of public sets block by block."""

    executor: Literal["iterative", "futures", "dask"] = "iterative"
    """iterative is fastest for small files; futures and dask use `workers` processes (only for ROOT
    files)."""
    workers: int = Field(2, ge=1)
    """Processes of the futures and dask executors."""
    dask: Dask = Dask()
    chunksize: int = Field(20_000, ge=100)
    """Events read at a time: bounds the memory. Five times as many of ROOT files without
    constituents that no particles are matched in."""
    tree: str = "Events"
    """Name of the tree in ROOT files."""
    fatjet_pt_min: float = Field(200.0, ge=0)
    """Loose preselection: fat jets below are dropped (GeV)."""
    fatjet_abs_eta_max: float = Field(2.5, gt=0)
    """Loose preselection in |eta|."""
    soft_drop_zcut: float = Field(0.1, gt=0, lt=0.5)
    """z_cut of soft drop; beta is 0."""
    nsubjettiness_beta: float = Field(1.0, gt=0)
    """Angular exponent of tau_N and of the energy correlation functions."""
    tracks: bool = False
    """Impact parameters of constituents and secondary vertices are read, where files have them
    (`PFCands_d0`, `_dz`, and `SV`): observables and features of tracks and vertices need it."""
    on_bad_file: Literal["fail", "skip"] = "fail"
    """An input file that cannot be read or is damaged ends the run (fail), or is left out and
    listed (skip): simulation is normalised to the files that were read, data are not corrected."""
    on_bad_event: Literal["fail", "drop"] = "fail"
    """An event of a ROOT file with values that none can have (NaN, a negative pT, more momentum
    than a beam) makes its file a bad one (fail), or is left out and counted in the cutflow (drop):
    simulation is normalised to the others."""
    bad_events_max: Fraction = 0.01
    """With `on_bad_event: drop`: a file of which a larger part of the events is bad is a bad
    file."""

    def processes(self) -> int:
        """Processes on the machine that ingests."""
        if self.executor == "iterative" or (self.executor == "dask" and self.dask.on_slurm()):
            return 1
        return self.workers


EXECUTION = {"executor", "workers", "dask", "chunksize", "on_bad_file"}
"""Keys of the ingest block that change how files are read, but no result from those that can be."""


class FatJetCuts(Block):
    """Cuts on each fat jet."""

    pt: Range = [800.0, 1200.0]
    """Transverse momentum (GeV)."""
    abs_eta_max: float = Field(2.4, gt=0)
    """Largest |eta| of a fat jet."""
    mass: Range = [10.0, 300.0]
    """Ungroomed mass (GeV)."""
    multiplicity_min: int = Field(5, ge=0)
    """Fewest constituents; not applied where the input has none."""


class EventCuts(Block):
    """Cuts on each event, made with the jets that pass the jet cuts."""

    fatjets_min: int = Field(1, ge=0)
    """Fewest fat jets that pass the jet cuts."""
    fatjets_max: int | None = Field(None, ge=0)
    """Most fat jets that pass the jet cuts; null for no limit."""
    ht_min: float = Field(1500.0, ge=0)
    """Scalar sum of the pT of all ingested fat jets (GeV)."""
    leading_pt_min: float = Field(0.0, ge=0)
    """Transverse momentum of the leading jet that passes (GeV)."""
    mjj: Range | None = None
    """Mass of the two leading jets that pass (GeV); null for no cut."""
    met_max: float | None = Field(400.0, gt=0)
    """Largest missing transverse momentum (GeV); null for no limit."""
    met_min: float = Field(0.0, ge=0)
    """Smallest missing transverse momentum (GeV)."""

    @model_validator(mode="after")
    def can_pass(self) -> EventCuts:
        """Some event can pass."""
        if self.fatjets_max is not None and self.fatjets_min > self.fatjets_max:
            raise ValueError(
                f"fatjets_min {self.fatjets_min} is above fatjets_max {self.fatjets_max}"
            )
        if self.mjj is not None and self.fatjets_min < 2:
            raise ValueError(f"mjj needs two fat jets: fatjets_min is {self.fatjets_min}")
        if self.met_max is not None and self.met_min >= self.met_max:
            raise ValueError(f"met_min {self.met_min:g} is not below met_max {self.met_max:g}")
        return self


class Split(Block):
    """Percent of the events in each part, decided by a hash of run, luminosity block and event.

    Of tables also in time order: models are trained on the past alone.
    """

    train: int = Field(50, ge=1, le=98)
    validation: int = Field(15, ge=1, le=98)
    test: int = Field(35, ge=1, le=98)
    by: str | None = None
    """Column of tables whose values say the order, as a time: the first rows train, the next ones
    validate, the last ones test. Groups stay whole, by their first row; null: the hash decides."""

    @model_validator(mode="after")
    def adds_up(self) -> Split:
        """The three parts make 100 %."""
        total = self.train + self.validation + self.test
        if total != 100:
            raise ValueError(f"train + validation + test is {total}, not 100")
        return self


class Smearing(Block):
    """Resolution of jets in simulation made that of data, by two corrections.

    Both are in the correctionlib file of the selection.
    """

    resolution: str
    """Relative resolution of simulated jets: sigma over value."""
    scale_factor: str
    """Resolution of data over that of simulation; its input `systematic` is nom, up or down."""


class JetEnergy(Block):
    """Jet energy corrections applied anew on raw momenta.

    Of compound corrections of `select.corrections`; MET and HT follow.
    """

    simulation: str | None = None
    """Compound correction of simulated jets: `..._MC_L1L2L3Res_...`; null: as they are."""
    data: str | None = None
    """That of collision data: `..._DATA_L1L2L3Res_...`; null: as they are."""
    samples: dict[Name, str] = {}
    """Those of samples that have another one: eras of data."""

    def name(self, sample: str, data: bool) -> str | None:
        """The correction of a sample."""
        return self.samples.get(sample, self.data if data else self.simulation)


class Veto(Block):
    """A jet veto map: regions in eta and phi in which the detector had faults.

    It looks at the ingested fat jets, of data and simulation alike, after smearing and shifts.
    """

    COLUMNS: ClassVar[dict[str, str]] = {"eta": "eta", "phi": "phi"}

    file: FilePath = Field(min_length=1)
    """A correctionlib file (.json or .json.gz): `jetvetomaps.json.gz`."""
    correction: str = Field(min_length=1)
    """Name of the map in it; its inputs are `type`, `eta` and `phi`, its value is 0 for good
    jets."""
    type: str = "jetvetomap"
    """What its input `type` is."""
    drop: Literal["event", "jet"] = "event"
    """What is dropped: events with a fat jet in such a region, or those jets."""

    def words(self) -> dict[str, str | float]:
        """What the map takes besides columns of the jets."""
        return {"type": self.type}


class Select(Block):
    """Object and event selection."""

    fatjet: FatJetCuts = FatJetCuts()
    event: EventCuts = EventCuts()
    split: Split = Split()
    corrections: FilePath = "config/corrections/jetmet.json"
    """correctionlib file (.json or .json.gz) with what shifts and smearing name."""
    smearing: Smearing | None = None
    """Smears the pT of simulated jets: {resolution: NAME, scale_factor: NAME}; null where nominal
    jets have the resolution of data, as those of the toy detector by construction."""
    mass_smearing: Smearing | None = None
    """Smears the masses of simulated jets in the same way; null for none."""
    jec: JetEnergy | None = None
    """Jet energy corrections applied anew: {simulation: NAME, data: NAME}; null: jets as in the
    files."""
    veto: Veto | None = None
    """Jet veto map: {file: PATH, correction: NAME}; null for none."""


class Efficiency(Block):
    """Efficiency of a class where a given part of another one passes, in ranges of a column."""

    signal: Name
    """Class whose efficiency is quoted."""
    background: Name
    """Class of which a given part passes, in each range by a cut of its own."""
    others: list[Name] = []
    """Classes whose rejection is quoted at the same cuts."""
    mistag: list[Fraction] = Field([0.01, 0.1], min_length=1)
    """Parts of the background that pass."""
    column: str = "pt"
    """Column of the jets whose ranges are told apart."""
    edges: list[float] = []
    """Edges of the ranges, ascending; none: all jets together alone."""

    @field_validator("edges")
    @classmethod
    def ascend(cls, edges: list[float]) -> list[float]:
        """Edges of ranges ascend."""
        if len(edges) == 1 or any(high <= low for low, high in pairwise(edges)):
            raise ValueError(f"{edges} are no edges of ranges: [20, 50, 100, 200]")
        return edges

    def classes(self) -> list[str]:
        """All classes that are named, that of the signal first."""
        return [self.signal, self.background, *self.others]


class Purity(Block):
    """Efficiency of classes where their selections have a given purity, in ranges of a column."""

    signals: list[Name] = Field(min_length=1)
    """Classes whose efficiency is quoted, each against all others with their weights."""
    purity: list[Fraction] = Field([0.9], min_length=1)
    """Parts of what passes that are of the class; in each range by a cut of its own."""
    column: str = "pt"
    """Column whose ranges are told apart."""
    title: str | None = None
    """How plots call it, with its unit: `Momentum (GeV)`; null: as elsewhere."""
    edges: list[float] = Field(min_length=2)
    """Edges of the ranges, ascending."""

    @field_validator("edges")
    @classmethod
    def ascend(cls, edges: list[float]) -> list[float]:
        """Edges of ranges ascend."""
        if any(high <= low for low, high in pairwise(edges)):
            raise ValueError(f"{edges} are no edges of ranges: [20, 50, 100, 200]")
        return edges


class Item(Block):
    """A line of a trigger's menu: a tagged jet above a threshold."""

    signal: Name
    """Class that it looks for, by the class' part in the probabilities of it and the background."""
    share: float = Field(1.0, gt=0, le=1e6)
    """Rate that the line would have alone, in proportion to the shares of the others."""
    pt_min: float = Field(0.0, ge=0)
    """Threshold of the jet's transverse momentum (GeV)."""


class Trigger(Block):
    """Rates of a trigger's menu, efficiencies at them, and turn-on curves."""

    background: list[Name] = Field(min_length=1)
    """Classes whose events make the rate."""
    menu: dict[Name, Item] = Field(min_length=1)
    """Lines by name: {top: {signal: top, pt_min: 300}}."""
    rate: float = Field(1000.0, gt=0)
    """Rate of the whole menu (Hz): cuts of all lines are chosen so that it is reached."""
    luminosity: float = Field(2e34, gt=0, le=1e37)
    """Instantaneous luminosity (1/(cm2 s))."""
    crossings: float = Field(40.0, gt=0, le=1e3)
    """Frequency of the bunch crossings (MHz), each of which is read once."""
    column: Literal["pt", "gen_pt"] = "pt"
    """Momentum of the turn-on curves: the jet's, or that of the generator jet."""
    edges: list[float] = [200.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0]
    """Edges of their bins, ascending (GeV)."""

    @field_validator("edges")
    @classmethod
    def ascend(cls, edges: list[float]) -> list[float]:
        """Edges of bins ascend."""
        if len(edges) < 2 or any(high <= low for low, high in pairwise(edges)):
            raise ValueError(f"{edges} are no edges of bins: [200, 300, 400, 600]")
        return edges

    @model_validator(mode="after")
    def rate_is_possible(self) -> Trigger:
        """There are no more events than bunch crossings."""
        if self.rate >= self.crossings * 1e6:
            raise ValueError(
                f"rate: {self.rate:g} Hz is not below the frequency of the bunch crossings,"
                f" {self.crossings:g} MHz"
            )
        return self


class Evaluate(Block):
    """Figures of merit."""

    efficiencies: list[Fraction] = [0.3, 0.5, 0.8]
    """Signal efficiencies at which the background rejection is quoted."""
    background_uncertainty: float = Field(0.1, ge=0)
    """Relative background uncertainty in the significance scan."""
    rejection: list[tuple[Name, list[Name]]] = [
        ("w", ["quark", "gluon"]),
        ("top", ["quark", "gluon"]),
    ]
    """Pairs of a signal class and background classes whose rejection is quoted."""
    efficiency: Efficiency | None = None
    """Efficiency of a class at fixed mistag rates of another: {signal: b, background: light,
    others: [c], edges: [20, 50, 100, 200]}; null for none."""
    purity: Purity | None = None
    """Efficiency of classes at equal purity, in ranges of a column: {signals: [kaon], purity:
    [0.9], column: p, edges: [0.3, 0.6, 1, 2]}; null for none."""
    trigger: Trigger | None = None
    """Menu of a trigger at a rate, with turn-on curves: {background: [dijet], rate: 1000, menu:
    {top: {signal: top, pt_min: 300}}}; null for none."""
    monitoring: Monitoring | None = None
    """What monitors data quality at so many false alarms a day, of tables: {time: time, truth:
    fault, flagged: bad, parameters: ["q{0..199}"]} (docs/dqm.md); null for none."""
    regression: Regression = Regression()
    """Bins in which regressions are judged: {edges: [20, 40, 60], ranges: [0, 1500, 6000]}."""
    bootstrap: int = Field(200, ge=10)
    """Resamplings (of events) where no formula gives the error."""
    reference: Name | None = None
    """The model that each other one is compared with; null: the first of `models`."""
    anomaly: list[Name] = []
    """Samples that models with `unit: event` should find among the others. Used only to judge."""

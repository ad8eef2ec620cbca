"""Jobs of the stages that make tables of jets: simulate, check, ingest, list_parts, select."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from boostflow import paths
from boostflow.config.base import Block, Name, Setting
from boostflow.config.chain import EXECUTION, Simulation
from boostflow.config.chain import Ingest as IngestBlock
from boostflow.config.chain import Select as SelectBlock
from boostflow.config.files import files_in, is_remote, model_files
from boostflow.config.needs import Needs, needs
from boostflow.config.rounding import Rounded
from boostflow.config.samples import (
    EVENTS_MAX,
    FlatSample,
    GeneratedSample,
    RootContent,
    RootSample,
    Sample,
    SimulatedSample,
    is_data,
)
from boostflow.config.systematics import Constituent, JetShift
from boostflow.config.tables import Limits, TableContent, limits_of
from boostflow.config.weights import Carried, SampleWeight, carried, files_of
from boostflow.jobs import base
from boostflow.jobs.base import Input, Job, Named, Output
from boostflow.processes import ProcessName
from boostflow.variations import NOMINAL

if TYPE_CHECKING:
    from boostflow.analysis import Analysis


class MakePart(Job):
    """What jobs share that make one part of one sample, from nothing but settings and a seed."""

    sample: Name
    """Name of the sample."""
    part: int = Field(0, ge=0)
    """Number of the file, from 0."""
    variation: str = NOMINAL
    """Variation that the sample is an alternative of."""
    events: int = Field(ge=1, le=EVENTS_MAX)
    """Events or rows to make."""
    seed: int = 1
    """Seed of the run: with sample, variation and part it fixes every event."""


class Simulate(MakePart):
    """Generate one part of one sample with Pythia 8, a toy detector and FastJet."""

    stage: ClassVar[str] = "simulate"
    runs: ClassVar[str] = "boostflow.fastsim:run"

    process: ProcessName
    """Hard process; boostflow.processes lists the Pythia settings behind each."""
    simulation: Simulation = Simulation()
    """What all simulated samples share."""
    settings: list[Setting] = []
    """Further Pythia settings of the sample and the variation, read last."""
    shower_weights: bool = True
    """Weights for other scales of the shower are wanted."""
    contents: list[str] = []
    """Digests of files that settings name, `SLHA:file = x.slha`, and of a calorimeter's model."""

    class Files(base.Files):
        """What is written."""

        sample: Output[Path]
        """ROOT file of the generated events."""

    @classmethod
    def of(cls, analysis: Analysis, sample: str, variation: str, part: str) -> Simulate:
        """The job of a part of a sample."""
        config, block = analysis.config, analysis.config.samples[sample]
        assert isinstance(block, SimulatedSample)
        varied = analysis.varied(variation)
        simulation, settings = config.simulation, block.settings
        if varied is not None and isinstance(varied.change, dict):
            simulation = simulation.merged(varied.change)
        elif varied is not None:
            settings = [*settings, *varied.change]
        return cls(
            sample=sample,
            process=block.process,
            part=int(part),
            variation=variation,
            events=analysis.alternative(variation, "events") or block.events,
            seed=config.seed,
            simulation=simulation,
            settings=settings,
            # Weights vary nominal jets alone.
            shower_weights=block.shower_weights and varied is None,
            contents=analysis.contents(
                [
                    *files_in([*simulation.settings, *settings]),
                    *model_files(simulation.detector.shower_model),
                ]
            ),
        )


class CheckInputs(Job):
    """Look at all input files: they open, have what is needed, and hold no event twice."""

    stage: ClassVar[str] = "check_inputs"
    runs: ClassVar[str] = "boostflow.ingest.check:run"
    crashed: ClassVar[str | None] = "boostflow.ingest.crashes:check"

    samples: dict[Name, Sample]
    """Samples that have files, by name."""
    ingest: IngestBlock = IngestBlock()
    """How they will be read."""
    radius: float = 0.8
    """Radius parameter of the fat jets."""
    energy: float = 13_000.0
    """Centre-of-mass energy (GeV), which bounds momenta."""
    needs: dict[Name, Needs] = {}
    """What the rest of the analysis needs of the files of each sample."""
    addresses: list[str] = []
    """Files on servers, which Snakemake does not see."""

    class Files(base.Files):
        """What is written."""

        check: Output[Path | None] = None
        """JSON file: what was found."""
        table: Output[Path | None] = None
        """Text file with the same findings as a table."""
        checked: Output[list[Path]] = []
        """JSON file of the files that no earlier check has seen."""

    @classmethod
    def of(cls, analysis: Analysis) -> CheckInputs:
        """The job of an analysis."""
        config = analysis.config
        ingest = config.ingest.model_dump(exclude=EXECUTION - {"on_bad_file"})
        return cls(
            samples={name: config.samples[name] for name in analysis.files},
            ingest=IngestBlock.model_validate(ingest),
            radius=config.simulation.jet_radius,
            energy=config.simulation.ecm,
            needs=needs(config, analysis.systematics) if analysis.files else {},
            addresses=analysis.addresses(),
        )


class Vary(Block):
    """A variation of jet constituents in one direction."""

    systematic: Constituent
    """What is varied, and by how much."""
    direction: Literal["up", "down"]
    """Direction of the variation; without meaning for a loss or a resolution."""


class Ingest(Job):
    """Read one part: loose preselection, observables, truth labels, weights."""

    stage: ClassVar[str] = "ingest"
    runs: ClassVar[str] = "boostflow.ingest.run:run"
    crashed: ClassVar[str | None] = "boostflow.ingest.crashes:ingest"

    source: Literal["root", "lhco", "hls4ml", "toptag", "jetclass", "table", "calogan"] = "root"
    """Layout of the file."""
    address: str | None = None
    """The file, where it is on a server."""
    ingest: IngestBlock = IngestBlock()
    """How it is read; keys that change no result come from the environment (`execution`)."""
    content: RootContent = RootContent()
    """What the tree of a ROOT file holds."""
    tabular: TableContent | None = None
    """What is read of a table of objects that are no jets."""
    carried: dict[str, Carried] = {}
    """Branches of a ROOT file that weights need, by name."""
    label: Name | None = None
    """Class of the sample's jets."""
    match: str | None = None
    """Only jets with this particle get the label."""
    select: str = "all"
    """Class that is taken from the file of a public set."""
    number: int = 0
    """Number of the file in its sample: events without numbers of their own get it."""
    energy: float = 13_000.0
    """Centre-of-mass energy (GeV), which bounds momenta."""
    piece: tuple[int, int] = (0, 1)
    """(k, n): only the k-th of n ranges of events, counted from 0."""
    radius: float = 0.8
    """Radius parameter of the fat jets."""
    data: bool = False
    """Whether the file holds collision data."""
    vary: Vary | None = None
    """A variation of the constituents."""
    xsec: float | None = None
    """Cross-section in pb; null takes the one that boostflow's simulation left in the file."""
    contents: list[str] = []
    """Digest of the file of certified luminosity blocks, if there is one."""

    @field_validator("piece")
    @classmethod
    def there_is_such_a_piece(cls, piece: tuple[int, int]) -> tuple[int, int]:
        """Refuse the number of a piece that is not below the number of pieces."""
        if not 0 <= piece[0] < piece[1]:
            raise ValueError(f"there is no piece {piece[0]} of {piece[1]}: they count from 0")
        return piece

    class Files(base.Files):
        """What is read and written."""

        file: Input[Path | None] = None
        """The file, where it is on this machine."""
        checked: Input[Path | None] = None
        """What the check says of it."""
        golden_json: Named[Path | None] = None
        """Certified luminosity blocks of collision data."""
        sums: Named[Path | None] = None
        """Sums of weights before a skim, which `content.before_skim` names."""
        table: Output[Path]
        """Parquet file of the fat jets."""
        meta: Output[Path]
        """JSON file: counts, sums of weights, what is off and why."""

    @classmethod
    def of(cls, analysis: Analysis, sample: str, variation: str, part: str) -> Ingest:
        """The job of a part of a sample."""
        config, block = analysis.config, analysis.config.samples[sample]
        ingest = IngestBlock.model_validate(config.ingest.model_dump(exclude=EXECUTION))
        varied = analysis.varied(variation, "constituent")
        vary = None
        if varied is not None:
            assert isinstance(varied.declared, Constituent)
            systematic = without_names(varied.declared)
            vary = Vary(systematic=systematic, direction=varied.direction)
        shared: dict[str, Any] = {
            "ingest": ingest,
            "label": block.label,
            "radius": config.simulation.jet_radius,
            "energy": config.simulation.ecm,
            "vary": vary,
        }
        if isinstance(block, SimulatedSample):
            return cls(match=block.process, **shared)
        if isinstance(block, GeneratedSample):
            more: dict[str, Any] = {"tabular": block.content(), "number": int(part)}
            return cls(source="table", data=block.data, xsec=block.xsec, **more, **shared)
        file, piece = divmod(int(part), block.parts_per_file)
        source = analysis.source(sample, int(part), variation)
        own: dict[str, Any] = {"number": file, "select": getattr(block, "select", "all")}
        if isinstance(block, RootSample):
            content = block.content()
            content.pop("golden_json", None)  # one of the files
            if block.before_skim is not None and block.before_skim.sumw is not None:
                content["before_skim"] = {"sumw": 1.0}  # the selection has it
            # Events may have no numbers of their own: that of the file makes them unique.
            own = {"number": file if {"branches", "format"} & content.keys() else 0}
            own |= {"match": block.match, "content": RootContent.model_validate(content)}
            own |= {"carried": carried(block.weights)}
            own |= {
                "contents": analysis.contents(
                    [*golden_jsons(analysis, sample), *analysis.sums_files(sample)]
                )
            }
        if isinstance(block, FlatSample):
            own = {"number": file, "tabular": block.content()}
        return cls(
            source=block.source,
            address=source if is_remote(source) else None,
            piece=(piece, block.parts_per_file),
            data=is_data(block),
            xsec=block.xsec,
            **own,
            **shared,
        )


def without_names(declared: Constituent) -> Constituent:
    """What decides how constituents are varied, not how the result is called or used."""
    return Constituent(kind=declared.kind, quantity=declared.quantity, value=declared.value)


ENVIRONMENT = "BOOSTFLOW_EXECUTION"
"""Environment variable of those keys of the ingest block that are no reason to read files again."""


def execution(block: IngestBlock) -> IngestBlock:
    """The ingest block of a job with the keys that say how files are read on this machine."""
    given = os.environ.get(ENVIRONMENT)
    if given is None:
        return block
    said = IngestBlock.model_validate_json(given)
    return block.model_copy(update={name: getattr(said, name) for name in EXECUTION})


class ListParts(Job):
    """List the ingested parts of a sample: what all variations of its selection read."""

    stage: ClassVar[str] = "list_parts"
    runs: ClassVar[str] = "boostflow.select.parts:run"

    folder: str
    """Folder of the parts, of which there may be thousands."""
    number: int
    """How many there are."""
    skip: bool = False
    """Whether files may have been left out."""

    class Files(base.Files):
        """What is written."""

        parts: Output[Path]
        """JSON file with the list of the parts."""

    @classmethod
    def of(cls, analysis: Analysis, sample: str, variation: str) -> ListParts:
        """The job of a sample."""
        table = analysis.at(paths.INGEST, sample=sample, variation=variation)
        return cls(
            folder=str(Path(table).parent),
            number=len(analysis.parts(sample, variation)),
            skip=analysis.config.ingest.on_bad_file == "skip",
        )


class Select(Job):
    """Select the fat jets of one sample under one variation."""

    stage: ClassVar[str] = "select"
    runs: ClassVar[str] = "boostflow.select.run:run"
    crashed: ClassVar[str | None] = "boostflow.select.crashes:crashed"

    sample: Name
    """Name of the sample."""
    variation: str = NOMINAL
    """Name of the variation."""
    select: SelectBlock = SelectBlock()
    """Cuts, split and smearing; the file of corrections is one of the files."""
    shift: JetShift | None = None
    """One direction of a shift."""
    limits: Limits | None = None
    """Ranges of the columns of a table; null: the sample is of jets, which `select` cuts on."""
    rounded: dict[Name, Rounded] = {}
    """Columns that are replaced by what a compression gives back, with their bounds."""
    weights: dict[Name, SampleWeight] = {}
    """Declared weights of the sample by name; the files that they name are among the files."""
    independent: bool = False
    """Nothing needs splits of it, as no model is trained or used: all events are test."""
    sumw: float | None = None
    """Sum of weights of all generated events, where the sample says it."""
    trained: bool = True
    """A model is trained on it, so that there must be events to train on."""
    contents: list[str] = []
    """Digests of the files that the configuration names: corrections, those of the weights."""

    class Files(base.Files):
        """What is read and written."""

        parts: Input[Path]
        """List of the ingested parts."""
        others: Input[list[Path]] = []
        """Of collision data: lists of the parts of samples whose events do not count again; where
        rows of tables are split in time order: of all other samples."""
        corrections: Named[Path | None] = None
        """correctionlib file of the shift and of smearing."""
        weights: Named[list[Path]] = []
        """correctionlib files of the weights, in the order of `config.weights.files_of`."""
        veto: Named[Path | None] = None
        """correctionlib file of the jet veto map."""
        table: Output[Path]
        """Parquet file of the selected jets."""
        cutflow: Output[Path]
        """JSON file of the cutflow."""

    @classmethod
    def of(cls, analysis: Analysis, sample: str, variation: str) -> Select:
        """The job of a sample under a variation."""
        block = analysis.config.select.model_dump(exclude={"corrections"})
        if block["veto"]:
            # Where it lies is no matter: what it holds is among `contents`.
            block["veto"]["file"] = Path(block["veto"]["file"]).name
        shifted = analysis.varied(variation, "shift")
        packed = analysis.varied(variation, "compression")
        return cls(
            sample=sample,
            variation=variation,
            select=SelectBlock.model_validate(block),
            shift=shifted.change if shifted else None,
            limits=limits_of(analysis.config.samples[sample]),
            rounded=dict(analysis.config.models[packed.change].rounded()) if packed else {},
            weights=analysis.weights(sample),
            independent=analysis.varied(variation, "sample") is not None
            or not analysis.uses_splits(),
            sumw=analysis.sumw(sample),
            trained=analysis.is_trained_on(sample),
            contents=analysis.contents(
                [
                    *corrections_of(analysis, sample, variation),
                    *weight_files(analysis, sample),
                    *veto_of(analysis),
                ]
            ),
        )


def split_with(analysis: Analysis, sample: str) -> list[str]:
    """Other samples with which a sample of tables is put in the order of its splits."""
    in_order = analysis.config.select.split.by is not None and analysis.uses_splits()
    return [name for name in analysis.samples if name != sample] if in_order else []


def state(analysis: Analysis) -> str:
    """A digest of the configuration, and of what all files that it names hold.

    Results of a run that was killed are kept where it is the same. Files of samples count by time
    and size.
    """
    from boostflow.provenance import digest

    config = analysis.config
    alternatives = [name for name in analysis.variations.by_name if analysis.varied(name, "sample")]
    simulated = [n for n, block in config.samples.items() if isinstance(block, SimulatedSample)]
    files = {
        "samples": analysis.file_keys,
        "named": analysis.contents(
            [
                analysis.found(config.select.corrections),
                *veto_of(analysis),
                *(file for sample in config.samples for file in golden_jsons(analysis, sample)),
                *(file for sample in config.samples for file in analysis.sums_files(sample)),
                *(file for sample in config.samples for file in weight_files(analysis, sample)),
            ]
        ),
        "settings": [
            Simulate.of(analysis, sample, variation, "0").contents
            for sample in simulated
            for variation in (NOMINAL, *alternatives)
        ],
    }
    declared = analysis.declared()
    return digest({**declared["config"], "files": files}, declared["systematics"])


def golden_jsons(analysis: Analysis, sample: str) -> list[str]:
    """The file of certified luminosity blocks, where the sample names one."""
    path = getattr(analysis.config.samples[sample], "golden_json", None)
    return [] if path is None else [analysis.found(path)]


def corrections_of(analysis: Analysis, sample: str, variation: str) -> list[str]:
    """The correctionlib file, where a shift, smearing or calibration reads it."""
    block = analysis.config.select
    if limits_of(analysis.config.samples[sample]) is not None:
        shifted = analysis.varied(variation, "shift")
        named = shifted is not None and shifted.change.correction is not None
        return [analysis.found(block.corrections)] if named else []
    smears = (block.smearing or block.mass_smearing) and not analysis.is_data(sample)
    calibrated = block.jec and block.jec.name(sample, analysis.is_data(sample))
    if analysis.varied(variation, "shift") is None and not smears and not calibrated:
        return []
    return [analysis.found(block.corrections)]


def veto_of(analysis: Analysis) -> list[str]:
    """The correctionlib file of the jet veto map, if there is one."""
    veto = analysis.config.select.veto
    return [] if veto is None else [analysis.found(veto.file)]


def weight_files(analysis: Analysis, sample: str) -> list[str]:
    """The correctionlib files that the weights of a sample read."""
    return [analysis.found(file) for file in files_of(analysis.weights(sample))]

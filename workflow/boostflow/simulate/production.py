"""The simulation stage: one job makes one part of one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boostflow import seeds
from boostflow.config.samples import EVENTS_MAX
from boostflow.errors import BoostflowError
from boostflow.jobs.chain import Simulate
from boostflow.observables.catalogue import leading_fields
from boostflow.processes import PROCESSES, Process
from boostflow.progress import Progress

if TYPE_CHECKING:
    import awkward as ak
    import numpy as np

    from boostflow.config.chain import Simulation
    from boostflow.simulate import background as backgrounds
    from boostflow.simulate.calorimeter import Source
    from boostflow.simulate.detector import Particles, Response
    from boostflow.simulate.generator import Generator

BATCH = 250
SUBSTRUCTURE = ("msoftdrop", "tau1", "tau2", "tau3", "tau4")
"""Observables of jets in files with constituents."""
LEADING = leading_fields()
"""Observables of jets in files without constituents, and their branches."""
CANDIDATE = ("pt", "eta", "phi", "mass", "charge", "pdg_id")


def run(
    job: Simulate, files: Simulate.Files, batch: int = BATCH, source: Source | None = None
) -> None:
    """Generate, detect, cluster and write one part of a sample (docs/contracts.md, "samples").

    Every random number follows from (seed, variation, sample, part): the same job gives the same
    events, whatever the batch size, the number of cores and the order of the parts.

    Args:
        job: the settings.
        files: the ROOT file to write; it appears complete or not at all.
        batch: events held in memory at a time.
        source: what makes showers in a calorimeter; None for the cascade.

    Raises:
        BoostflowError: a setting that Pythia does not accept.
    """
    from boostflow.simulate import background, generator, rootfile
    from boostflow.simulate.detector import Response

    process, config = PROCESSES[job.process], job.simulation
    names = (job.variation, job.sample, job.part)
    lines = generator.settings(
        process,
        config,
        job.settings,
        seeds.derive(job.seed, "simulate", *names),
        job.shower_weights,
    )
    response = Response(config.detector, seeds.derive(job.seed, "detector", *names), source)
    bar = Progress(f"simulate {job.sample} {job.part}", job.events, "events")
    try:
        pythia = generator.Generator(lines, process.alpha_s)
        tracking = config.detector.tracking is not None
        under = background.source(config, seeds.derive(job.seed, "background", *names))
        ghosts = seeds.derive(job.seed, "ghosts", *names)
        branches = rootfile.Branches(
            job.shower_weights,
            tracking,
            under is not None,
            config.constituents,
            config.detector.showers,
        )
        with rootfile.create(files.sample, branches) as root:
            for raw in pythia.batches(job.events, batch):
                columns = _reconstruct(raw, pythia, response, process, config, under, ghosts)
                columns |= _numbers(job.part, bar.done, len(raw))
                root.extend(columns)
                bar.update(len(raw))
            root.finish(pythia.cross_section())
        response.report()
    except BoostflowError as error:
        raise BoostflowError(f"sample {job.sample} ({job.variation}): {error}") from None


def _numbers(part: int, done: int, n: int) -> dict[str, np.ndarray]:
    """Run, luminosity block and event number: the event's is unique in the sample."""
    import numpy as np

    return {
        "run": np.ones(n),
        "luminosityBlock": np.full(n, part + 1),
        "event": np.uint64(part * EVENTS_MAX + done + 1) + np.arange(n, dtype=np.uint64),
    }


def _reconstruct(
    raw: ak.Array,
    pythia: Generator,
    response: Response,
    process: Process,
    config: Simulation,
    under: backgrounds.Source | None,
    seed: int,
) -> dict[str, np.ndarray | ak.Array]:
    """All columns of a batch of Pythia events but their numbers."""
    import awkward as ak
    import numpy as np

    from boostflow.nanoaod import LAYER_FIELDS
    from boostflow.observables.compute import compute
    from boostflow.simulate import jets, truth, vertices
    from boostflow.simulate.background import embedded
    from boostflow.simulate.detector import Measured
    from boostflow.simulate.record import Record
    from boostflow.simulate.tracks import IMPACT

    n = len(raw)
    tracking = config.detector.tracking
    record = Record.read(raw, origins=tracking is not None)
    stable = record.particles(record.stable(), pythia.charges)
    kept = truth.select(record, process.heavy, process.flavours)
    chosen = record.particles(kept["index"], pythia.charges)
    if config.charged:
        stable = _tracks(stable, config)
    candidates = response(stable if under is None else embedded(stable, under(n)))
    if config.charged:
        candidates = candidates[candidates.charge != 0]

    # Half the threshold: a jet just above it should find its partner just below.
    generator_jets = _inside(
        jets.cluster(stable, n, config.jet_radius, config.jet_pt_min / 2, constituents=True), config
    )
    more: dict[str, np.ndarray | ak.Array] = {}
    if under is None:
        fat = jets.cluster(candidates, n, config.jet_radius, config.jet_pt_min, constituents=True)
        fat = _inside(fat, config)
        fat["genJetAK8Idx"] = jets.match(fat, generator_jets, config.jet_radius / 2)
    else:
        fat, more = _on_background(candidates, stable, generator_jets, n, config, seed)
    columns = {name: getattr(candidates, name) for name in CANDIDATE}
    if candidates.layers is not None:
        columns |= dict(zip(LAYER_FIELDS, candidates.layers.T, strict=True))
    if isinstance(candidates, Measured):
        columns |= dict(zip(IMPACT, candidates.impact.T, strict=True))
    pf = ak.unflatten(ak.zip(columns), np.bincount(candidates.event, minlength=n))
    inside = jets.constituents(pf, fat.constituents)
    names = SUBSTRUCTURE if config.constituents else tuple(LEADING)
    shape = compute(
        *(inside[name] for name in ("pt", "eta", "phi", "mass")),
        names=names,
        radius=config.jet_radius,
    )
    counts = ak.num(fat)
    if tracking is not None:
        by_jet = vertices.find(inside, ak.flatten(fat), tracking)
        more["SV"] = ak.flatten(ak.unflatten(by_jet, counts), axis=2)
    for name, column in shape.items():
        fat[LEADING.get(name, name)] = ak.unflatten(column, counts)
    for name in LAYER_FIELDS if candidates.layers is not None else ():
        fat[name] = ak.unflatten(ak.sum(inside[name], axis=1), counts)
    fat["nConstituents"] = ak.num(fat.constituents, axis=2)
    if config.constituents:
        more["FatJetPFCands"] = ak.zip(
            {
                "jetIdx": ak.flatten(
                    ak.broadcast_arrays(ak.local_index(fat, axis=1), fat.constituents)[0], axis=2
                ),
                "pFCandsIdx": ak.flatten(fat.constituents, axis=2),
            }
        )
        more["PFCands"] = ak.with_field(pf, pf.pdg_id, "pdgId")

    px = np.bincount(candidates.event, candidates.pt * np.cos(candidates.phi), n)
    py = np.bincount(candidates.event, candidates.pt * np.sin(candidates.phi), n)
    nominal, shower = pythia.shower_weights(raw)
    return {
        "genWeight": nominal if config.bias_weights else np.ones(n),
        "PSWeight": shower,
        "LHEScaleWeight": pythia.theory.scales(raw.info),
        "LHEPdfWeight": pythia.theory.densities(raw.info),
        "Generator_scalePDF": np.sqrt(np.asarray(raw.info.Q2Fac)),
        **{f"Generator_{name}": raw.info[name] for name in ("id1", "id2", "x1", "x2")},
        "FatJet": fat,
        "GenJetAK8": generator_jets,
        "GenPart": ak.unflatten(
            ak.zip(
                {
                    **{k: getattr(chosen, k) for k in ("pt", "eta", "phi", "mass")},
                    "pdgId": chosen.pdg_id,
                    "status": np.abs(record.status[kept["index"]]),
                    **{k: kept[k] for k in ("statusFlags", "genPartIdxMother")},
                }
            ),
            kept["counts"],
        ),
        "MET_pt": np.hypot(px, py),
        "MET_phi": np.arctan2(-py, -px),
        **more,
    }


def _tracks(particles: Particles, config: Simulation) -> Particles:
    """Charged particles in the acceptance of the detector."""
    import numpy as np

    detector = config.detector
    inside = np.abs(particles.eta) < detector.abs_eta_max
    return particles[inside & (particles.charge != 0) & (particles.pt > detector.track_pt_min)]


def _inside(found: ak.Array, config: Simulation) -> ak.Array:
    """Jets of charged particles that lie in the acceptance as a whole; all others."""
    if not config.charged:
        return found
    return found[abs(found.eta) < config.detector.abs_eta_max - config.jet_radius]


def _on_background(
    candidates: Particles,
    signal: Particles,
    truth: ak.Array,
    events: int,
    config: Simulation,
    seed: int,
) -> tuple[ak.Array, dict[str, np.ndarray | ak.Array]]:
    """Jets of events with a background, matched to those of the signal, and columns of events."""
    import awkward as ak
    import numpy as np

    from boostflow.nanoaod import EMBEDDING
    from boostflow.simulate.densities import Embedded

    assert config.background is not None
    reach = config.detector.abs_eta_max
    batch = Embedded(candidates, signal, events, reach, seed)
    fat = _inside(batch.jets(config.jet_radius, config.jet_pt_min), config)
    fat["genJetAK8Idx"] = batch.matched(fat, truth)
    rho, per_particle = batch.density(config.background, reach)
    leading = ak.fill_none(ak.max(truth.pt, axis=1), 0.0)
    more = {
        "Rho_median": rho,
        EMBEDDING["rho_mult"]: per_particle,
        EMBEDDING["n_event"]: np.bincount(candidates.event, minlength=events),
        EMBEDDING["gen_lead_pt"]: ak.to_numpy(leading),
    }
    return fat, more

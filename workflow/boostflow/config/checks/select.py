"""Checks of the selection: cuts, smearing, and shifts with their corrections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boostflow.config.chain import Smearing
from boostflow.config.config import Config
from boostflow.config.files import find
from boostflow.config.problems import Place, Problem, suggest
from boostflow.config.samples import RootSample
from boostflow.config.systematics import AnySystematic, Shift
from boostflow.corrections import OPTIONAL, Corrections
from boostflow.errors import BoostflowError
from boostflow.weightfile import WeightCorrection

PT_MARGIN = 0.9
"""Ingested jets reach this far below the cut on pT, so that shifts can move jets across it."""


def check(config: Config, at: Place) -> Iterator[Problem]:
    """Jets that pass the selection have been ingested."""
    if config.ingest.fatjet_pt_min >= config.select.fatjet.pt[1]:
        yield (at / "ingest" / "fatjet_pt_min").problem(
            "no fat jet above it can pass select.fatjet.pt"
        )


def corrections(
    config: Config,
    systematics: Mapping[str, AnySystematic],
    root: Path,
    at: Place,
    declared_at: Place,
) -> Iterator[Problem]:
    """Smearing and shifts name corrections of the file `select.corrections` that can serve.

    The file is read once, which takes up to a second, and only if something names a correction.

    Args:
        config: the configuration.
        systematics: by name.
        root: folder of the repository.
        at: the file of the configuration.
        declared_at: the file of the systematics.
    """
    shifts = {
        name: s for name, s in systematics.items() if isinstance(s, Shift) and s.column is None
    }
    blocks = {name: getattr(config.select, name) for name in ("smearing", "mass_smearing")}
    named = {name: block for name, block in blocks.items() if block is not None}
    if not shifts and not named and config.select.jec is None:
        return
    here = at / "select"
    path = find(config.select.corrections, root)
    if path is None:
        missing = f"no such file: {config.select.corrections}"
        yield (here / "corrections").problem(missing)
        return
    try:
        opened = _Opened(Corrections(path), config)
    except BoostflowError as error:
        yield (here / "corrections").problem(str(error))
        return
    for name, block in named.items():
        yield from opened.smearing(block, list(config.samples), here / name)
    yield from opened.calibration(here / "jec")
    yield from _ingested(config, shifts, declared_at)
    for name, declared in shifts.items():
        yield from opened.shift(declared, declared_at / name)


def veto(config: Config, root: Path, at: Place) -> Iterator[Problem]:
    """The jet veto map is in its file and takes what it is given.

    Args:
        config: the configuration.
        root: folder of the repository.
        at: the file of the configuration.
    """
    block, here = config.select.veto, at / "select" / "veto"
    if block is None:
        return
    path = find(block.file, root)
    if path is None:
        yield (here / "file").problem(f"no such file: {block.file}")
        return
    try:
        found = WeightCorrection(path, block.correction)
    except BoostflowError as error:
        yield here.problem(str(error))
        return
    for name, text in found.problems(block.COLUMNS, block.words()):
        yield (here / ("type" if name == "type" else "correction")).problem(f"{name} {text}")


def _ingested(config: Config, shifts: Mapping[str, Shift], at: Place) -> Iterator[Problem]:
    """Jets that shifts move into the cuts are ingested."""
    moves = [name for name, s in shifts.items() if s.quantity in ("energy", "resolution")]
    low = config.select.fatjet.pt[0]
    if moves and config.ingest.fatjet_pt_min > PT_MARGIN * low:
        yield (at / moves[0]).problem(
            f"jets that it moves above select.fatjet.pt ({low:g} GeV) are not ingested:"
            f" set ingest.fatjet_pt_min to {PT_MARGIN * low:g} GeV or less"
        )


class _Opened(NamedTuple):
    """The file of corrections, and the analysis whose jets they are for."""

    file: Corrections
    config: Config

    def shift(self, declared: Shift, at: Place) -> Iterator[Problem]:
        """A shift names corrections that can serve, and the smearing that it needs once."""
        samples = declared.samples or list(self.config.samples)
        named = {"correction": declared.correction}
        named |= {f"envelope.{i}": x for i, x in enumerate(declared.envelope or [])}
        for key, correction in named.items():
            if correction is not None:
                yield from self.correction(correction, False, samples, at / key)
        if declared.quantity in ("energy", "mass"):
            return
        key = "smearing" if declared.quantity == "resolution" else "mass_smearing"
        nominal, own = getattr(self.config.select, key), declared.smearing()
        if nominal is None and own is None:
            yield at.problem(f"needs resolution and scale_factor, or select.{key}")
        elif nominal is not None and own is not None:
            yield at.problem(
                f"leave out resolution and scale_factor: select.{key} names those that up, down and"
                " nominal share"
            )
        elif own is not None:
            found = list(self.smearing(own, samples, at))
            yield from found or self.is_nominal_one(key, own, at / "scale_factor")

    def calibration(self, at: Place) -> Iterator[Problem]:
        """Compound corrections can serve the samples that they are for."""
        block = self.config.select.jec
        if block is None:
            return
        for sample in block.samples:
            if sample not in self.config.samples:
                hint = suggest(sample, list(self.config.samples))
                yield (at / "samples" / sample).problem(f"unknown sample{hint}")
        given = {"simulation": block.simulation, "data": block.data}
        named = {key: name for key, name in given.items() if name is not None}
        places = {key: (at / key, name) for key, name in named.items()}
        places |= {f".{k}": (at / "samples" / k, name) for k, name in block.samples.items()}
        if not places:
            yield at.problem("needs simulation, data or samples")
        for place, name in places.values():
            if problem := self.file.calibration_problem(name):
                yield place.problem(problem)
        for sample, one in self.config.samples.items():
            data = isinstance(one, RootSample) and one.data
            if block.name(sample, data) is not None and not isinstance(one, RootSample):
                yield at.problem(
                    f"sample {sample} has no raw momenta ({OPTIONAL['raw_factor']}), which only "
                    "ROOT files have"
                )

    def smearing(self, block: Smearing, samples: Sequence[str], at: Place) -> Iterator[Problem]:
        """Resolution and scale factor of a smearing can serve."""
        yield from self.correction(block.resolution, False, samples, at / "resolution")
        yield from self.correction(block.scale_factor, True, samples, at / "scale_factor")

    def correction(
        self, name: str, by_value: bool, samples: Sequence[str], at: Place
    ) -> Iterator[Problem]:
        """A correction is in the file, takes known inputs, and the samples have them.

        Args:
            name: of the correction.
            by_value: it has to take `systematic` besides properties of the jet.
            samples: names of the samples whose jets it is for.
            at: the key that names it.
        """
        if name not in self.file.names():
            hint = suggest(name, self.file.names())
            yield at.problem(f"unknown correction {name!r} in {self.file.path}{hint}")
            return
        if problem := self.file.problem(name, by_value=by_value):
            yield at.problem(problem)
            return
        for column in self.file.columns(name):
            for sample in samples:
                block = self.config.samples.get(sample)
                if column in OPTIONAL and block and not isinstance(block, RootSample):
                    yield at.problem(
                        f"{name} takes {column}, which only ROOT files have ({OPTIONAL[column]}),"
                        f" not sample {sample}"
                    )
                    return

    def is_nominal_one(self, smearing: str, block: Smearing, at: Place) -> Iterator[Problem]:
        """Check that the nominal scale factor is 1 where nominal jets are not smeared."""
        # Somewhere in the acceptance: files give values other than 1 everywhere, or nowhere.
        jet = {"pt": 500.0, "eta": 0.1, "phi": 0.1, "mass": 80.0, "rho": 20.0, "area": 2.0}
        try:
            value = float(self.file.evaluate(block.scale_factor, jet, "nom"))
        except BoostflowError as error:
            yield at.problem(str(error))
            return
        if value != 1:
            yield at.problem(
                f"the nominal one of {block.scale_factor} is {value:g}, not 1: name both in"
                f" select.{smearing} instead, so that nominal jets are smeared, too"
            )

"""A finished run, read from Python: jets, scores, templates, the fit and all figures.

    results = boostflow.open("results")
    jets = results.jets("top", "jes_up")

Nothing but the configuration is read before it is asked for. A shift is `nominal` or the name of a
variation, as in paths (`jes_up`, `pdf_m3`); where a variation does not touch what is asked for,
that is the nominal one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from boostflow import paths
from boostflow.config.config import Config
from boostflow.config.samples import is_data
from boostflow.config.systematics import SYSTEMATICS, AnySystematic, Weight
from boostflow.config.yamlfile import read_yaml
from boostflow.errors import BoostflowError
from boostflow.io import read_json, read_parquet
from boostflow.variations import NOMINAL, Stage, Variations

if TYPE_CHECKING:
    import awkward as ak
    import hist
    import pyhf

PARTS = ("ingest", "select", "samples", "templates", "models", "logs")
"""Folders that a run has before it is finished."""


class Figure(NamedTuple):
    """A number of the run, with its error."""

    value: float
    error: float | None
    """Statistical, of a fitted parameter total; None where there is none."""


class Results:
    """The results of a finished run in a folder.

    Args:
        folder: `output` of the configuration.

    Raises:
        BoostflowError: there is no such folder, it holds no run, one that is not finished or is
            being made again, or one of a version that wrote another configuration.
    """

    def __init__(self, folder: str | Path = "results") -> None:
        self.folder = Path(folder)
        _at_rest(self.folder)
        self.record: dict[str, Any] = _record(self.folder)
        """Versions, seed, commit and time of the run."""
        self.config, self.systematics = self._configuration()
        self.variations = Variations(self.config, self.systematics)

    def _configuration(self) -> tuple[Config, dict[str, AnySystematic]]:
        found = []
        for name in (paths.CONFIG, paths.SYSTEMATICS):
            content, problems = read_yaml(self.folder / name)
            if problems:
                raise BoostflowError("\n".join(map(str, problems)))
            found.append(content or {})
        try:
            return Config.model_validate(found[0]), SYSTEMATICS.validate_python(found[1])
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            version = self.record.get("boostflow")
            raise BoostflowError(
                f"{self.folder}: its configuration is of boostflow {version}, commit "
                f"{self.record.get('commit')}, and this one reads another ({key}: {first['msg']}): "
                "open it with that version, or run it again"
            ) from None

    def __repr__(self) -> str:
        """What there is, in a few lines."""
        found = {
            "samples": self.samples,
            "models": self.models,
            "regions": self.regions,
            "shifts": list(self.shifts),
        }
        lines = [f"  {name}: {', '.join(values) or 'none'}" for name, values in found.items()]
        return "\n".join([f"boostflow results in {self.folder}", *lines])

    # --- names ---

    @property
    def samples(self) -> list[str]:
        """Names of the samples."""
        return list(self.config.samples)

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return list(self.config.models)

    @property
    def regions(self) -> list[str]:
        """Names of the regions of the templates; none without a fit."""
        return list(self.config.templates.regions) if self.config.has_fit else []

    @property
    def shifts(self) -> dict[str, str]:
        """All variations by name, each with its title; rates are parameters of the fit alone."""
        named = self.variations.by_name.items()
        return {
            name: f"{varied.declared.title or varied.systematic}, {varied.direction}"
            for name, varied in named
        }

    # --- jets and scores ---

    def jets(
        self, sample: str, shift: str = NOMINAL, columns: Iterable[str] | None = None
    ) -> ak.Array:
        """The selected jets of a sample, one record each; docs/contracts.md lists the columns.

        `weight` adds up to the expected events per 1/fb in each `split`; under a shift of weights
        it is the shifted one.

        Args:
            sample: its name.
            shift: `nominal`, or a variation.
            columns: to be read; None for all.

        Raises:
            BoostflowError: an unknown sample, shift or column, or a file is missing or unreadable.
        """
        known("sample", sample, self.samples)
        path = self._path(paths.SELECT, "select", shift, sample=sample)
        wanted = None if columns is None else list(columns)
        factor = self._weight(sample, shift)
        if factor is None or (wanted is not None and "weight" not in wanted):
            return read_parquet(path, wanted)
        read = read_parquet(path, wanted and list(dict.fromkeys([*wanted, factor])))
        read["weight"] = read["weight"] * read[factor]
        return read if wanted is None else read[wanted]

    def _weight(self, sample: str, shift: str) -> str | None:
        """The column that a shift of weights multiplies the weight of a sample with."""
        varied = self.variations.by_name.get(shift)
        if varied is None or not isinstance(varied.declared, Weight):
            return None
        of = varied.declared.samples
        if is_data(self.config.samples[sample]) or (of is not None and sample not in of):
            return None
        return str(varied.change)

    def scores(self, model: str, shift: str = NOMINAL, *, sample: str | None = None) -> ak.Array:
        """The scores of a model, a record for each selected jet.

        Args:
            model: its name.
            shift: `nominal`, or a variation.
            sample: that of the jets, in the order of `jets(sample, shift)`; None for all.

        Raises:
            BoostflowError: an unknown model, sample or shift, or a file is missing or unreadable.
        """
        known("model", model, self.models)
        read = read_parquet(self._path(paths.SCORE, "score", shift, model=model))
        if sample is None:
            return read
        known("sample", sample, self.samples)
        return read[read["sample"] == sample]

    def _path(self, pattern: str, stage: Stage, shift: str, **of: str) -> Path:
        """The file that a stage has made under a shift: its own, or the nominal one."""
        known("shift", shift, [NOMINAL, *self.shifts])
        variation = self.variations.resolve(stage, shift, **of)
        return self.folder / pattern.format(variation=variation, **of)

    # --- the fit ---

    def templates(self, region: str, shifts: Iterable[str] | None = None) -> hist.Hist:
        """Expected events in a region at the run's luminosity: axes process, shift, variable.

        Args:
            region: its name.
            shifts: `nominal` and variations; None for nominal and all that have templates.

        Raises:
            BoostflowError: there is no fit, an unknown region or shift, or a file is missing.
        """
        import hist

        from boostflow.templates.files import read

        self._has_fit()
        known("region", region, self.regions)
        having = self.variations.with_templates()
        names = having if shifts is None else list(dict.fromkeys(shifts))
        for name in names:
            known("shift", name, [NOMINAL, *self.shifts])
        nominal = read(self._template(NOMINAL))[region]
        first = next(iter(nominal.values()))
        axis = hist.axis.Variable(first.edges, name=first.variable, flow=False)
        filled = hist.Hist(
            hist.axis.StrCategory(list(nominal), name="process"),
            hist.axis.StrCategory(names, name="shift"),
            axis,
            storage=hist.storage.Weight(),
        )
        for name in names:
            varied = read(self._template(name)).get(region, {}) if name in having else {}
            for sample, template in (nominal | varied).items():
                view = filled[sample, name, :].view(flow=False)
                view.value, view.variance = template.values, template.variances
                filled[sample, name, :] = view
        return filled

    def _template(self, shift: str) -> Path:
        return self.folder / paths.TEMPLATES.format(variation=shift)

    def workspace(self) -> pyhf.Workspace:
        """The fit's workspace, with a measurement for each parameter of interest.

        Raises:
            BoostflowError: there is no fit, or the file is missing or damaged.
        """
        import pyhf

        self._has_fit()
        return pyhf.Workspace(read_json(self.folder / paths.WORKSPACE))

    def _has_fit(self) -> None:
        if not self.config.has_fit:
            raise BoostflowError(f"{self.folder}: the run has no fit (`infer: null`, or no models)")

    @cached_property
    def fit(self) -> dict[str, Any]:
        """All results of the fit, as docs/contracts.md describes them."""
        self._has_fit()
        return dict(read_json(self.folder / paths.FIT))

    @cached_property
    def yields(self) -> dict[str, Any]:
        """Events by region before and after the fit, as docs/contracts.md describes them."""
        self._has_fit()
        return dict(read_json(self.folder / paths.YIELDS))

    # --- figures ---

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The key figures of the run, as `summary.json` has them."""
        return dict(read_json(self.folder / paths.SUMMARY))

    def evaluation(self, model: str) -> dict[str, Any]:
        """All figures of merit of a model, as docs/contracts.md describes them.

        Raises:
            BoostflowError: an unknown model, or the file is missing or damaged.
        """
        known("model", model, self.models)
        return dict(read_json(self.folder / paths.EVALUATION.format(model=model)))

    @property
    def figures(self) -> dict[str, Figure]:
        """The numbers of the summary with their errors, by name: `mu_top`, `MODEL.auc.top`, ..."""
        found = {
            poi: Figure(result["value"], result["error"])
            for poi, result in self.summary.get("fit", {}).get("pois", {}).items()
        }
        for model, figures in self.summary.get("models", {}).items():
            _numbers(figures, model, found)
        return found


def known(what: str, name: str, names: Iterable[str]) -> None:
    """Raise BoostflowError, which lists what there is, if a name is none of them."""
    names = list(names)
    if name not in names:
        raise BoostflowError(f"no {what} {name}; there are {', '.join(names) or 'none'}")


def _at_rest(folder: Path) -> None:
    """Raise BoostflowError if a run works on the results in a folder, or was killed at that.

    Until its end the record of an earlier run stands beside files of both. Seen are runs that
    were started in a folder above the results, or in the one that Python runs in.
    """
    from boostflow.takeover import notes

    place = folder.resolve()
    for start in dict.fromkeys([Path.cwd(), *place.parents]):
        for run in notes(start):
            if (start / run.output).resolve() != place:
                continue
            process = f"process {run.pid} on {run.host}, started in {start}"
            if run.alive() or run.remote():
                raise BoostflowError(
                    f"{folder}: a run works on these results ({process}): open them when it has"
                    " ended"
                )
            raise BoostflowError(
                f"{folder}: a run was killed while it worked on these results ({process}): start"
                " it again, it goes on where it was"
            )


def _record(folder: Path) -> dict[str, Any]:
    """What a finished run has written last.

    Raises:
        BoostflowError: there is none.
    """
    if not folder.is_dir():
        raise BoostflowError(
            f"{folder}: no such folder; name the one that `output` in the configuration names"
        )
    record = folder / paths.PROVENANCE
    if not record.exists():
        if any((folder / part).is_dir() for part in PARTS):
            raise BoostflowError(
                f"{folder}: the run is not finished (no {paths.PROVENANCE} yet): start it again, "
                "it goes on where it was"
            )
        raise BoostflowError(f"{folder}: holds no results of boostflow (no {paths.PROVENANCE})")
    found = read_json(record)
    if not isinstance(found, dict):
        raise BoostflowError(f"{record}: is no record of a run")
    return found


def _numbers(figures: Any, name: str, found: dict[str, Figure]) -> None:
    """Collect what has a value, and by dotted names what lies within."""
    if not isinstance(figures, dict):
        return
    value = figures.get("value")
    if isinstance(value, int | float):
        found[name] = Figure(value, figures.get("error"))
        return
    for key, within in figures.items():
        _numbers(within, f"{name}.{key}", found)

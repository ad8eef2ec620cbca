"""Tables of the fit: yields as text, CSV and LaTeX, and a record for HEPData (YAML).

HEPData: `submission.yaml`, of whose documents each names a data file, as hepdata_lib writes them
(hepdata-submission.readthedocs.io).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from boostflow.io import atomic
from boostflow.plots.names import of_poi

# libyaml's, where PyYAML has it, takes a tenth of the time.
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

BANDS = ("-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma")
"""Names of the quantiles of expected limits, in the order of fit.json."""

Column = dict[str, Any]
"""A variable of a HEPData table: header and values."""


def yield_rows(yields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per region and sample (and `total`, `data`): `prefit`, `postfit` with their errors.

    Args:
        yields: yields.json.
    """
    rows = []
    for region, entry in yields.items():
        for name, before in entry["prefit"].items():
            after = entry["postfit"][name]
            rows.append(
                {
                    "region": region,
                    "sample": name,
                    "prefit": before["sum"],
                    "prefit_error": before["sum_error"],
                    "postfit": after["sum"],
                    "postfit_error": after["sum_error"],
                }
            )
        data = float(sum(entry["data"]))
        rows.append({"region": region, "sample": "data", "prefit": data, "postfit": data})
    return rows


def rounded(value: float, error: float) -> tuple[str, str]:
    """Value and error with two significant digits of the error."""
    if error <= 0:
        return f"{value:.4g}", ""
    digits = max(0, 1 - int(f"{error:e}".partition("e")[2]))
    return f"{value:.{digits}f}", f"{error:.{digits}f}"


def yields_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Plain text, in columns."""
    lines = [["region", "sample", "before the fit", "after the fit"]]
    for row in rows:
        cells = [_cell(row, stage, "{} ± {}", "{} + {}") for stage in ("prefit", "postfit")]
        lines.append([row["region"], row["sample"], *cells])
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    return "".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def yields_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV with all digits; data have no error."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def yields_latex(rows: Sequence[Mapping[str, Any]]) -> str:
    """A LaTeX tabular, to be included with \\input."""
    lines = [r"\begin{tabular}{llrr}", r"\hline", r"Region & Sample & Pre-fit & Post-fit \\"]
    region = None
    for row in rows:
        if row["region"] != region:
            lines.append(r"\hline")
        cells = [_cell(row, stage, r"{} \pm {}", "{}^{{+{}}}") for stage in ("prefit", "postfit")]
        names = [
            _escaped(row["region"]) if row["region"] != region else "",
            _escaped(row["sample"]),
        ]
        lines.append(" & ".join([*names, *(f"${cell}$" for cell in cells)]) + r" \\")
        region = row["region"]
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _cell(row: Mapping[str, Any], stage: str, both: str, upwards: str) -> str:
    """A yield with its error; that of an empty sample is upwards only."""
    value, error = rounded(row[stage], row.get(f"{stage}_error", 0.0))
    if not error:
        return value
    return both.format(value, error) if row[stage] else upwards.format("0", error)


def _escaped(name: str) -> str:
    return name.replace("_", r"\_")


# --- HEPData --------------------------------------------------------------------------------------


def hepdata(
    fit: Mapping[str, Any],
    yields: Mapping[str, Any],
    titles: Mapping[str, str],
    variable: tuple[str, str],
    energy: float,
) -> dict[str, Any]:
    """The record: contents of the files by name, `submission` (a list of documents) among them.

    Args:
        fit: fit.json.
        yields: yields.json.
        titles: of the nuisance parameters.
        variable: title and unit of the template's variable.
        energy: centre-of-mass energy (GeV).
    """
    pois = fit["pois"]
    tables: dict[str, tuple[str, dict[str, Any]]] = {}
    for region, entry in yields.items():
        tables[f"yields_{region}"] = (
            f"Events in region {region} before and after the fit",
            _yields(entry, fit["data"], variable),
        )
    tables["impacts"] = (
        f"Nuisance parameters and their impact on {' and '.join(pois)}",
        _impacts(fit, titles),
    )
    tables["correlation"] = ("Correlations of the parameters", _correlation(fit, titles))
    for poi, result in pois.items():
        strength = f"signal strength {poi}"
        each = {
            "results": (
                f"{strength.capitalize()} with its errors by source, discovery significance, upper"
                " limit",
                _results(result),
            ),
            "scan": (f"Rise of -2 ln L with the {strength}", _scan(result)),
            "cls": (f"CLs against the {strength}", _cls(result, fit["data"])),
        }
        tables |= {of_poi(name, poi, pois): table for name, table in each.items()}
    keywords = [
        {"name": "reactions", "values": ["P P --> X"]},
        {"name": "observables", "values": ["N", "MU"]},
        {"name": "cmenergies", "values": [energy]},
    ]
    head = {"comment": f"Made by boostflow. {fit['text']}. Fitted to {fit['data']} data."}
    documents = [
        {
            "name": name,
            "description": text,
            "keywords": keywords,
            "data_file": f"{name}.yaml",
        }
        for name, (text, _) in tables.items()
    ]
    return {"submission": [head, *documents]} | {name: table for name, (_, table) in tables.items()}


def _column(name: str, values: list[Any], units: str = "", qualifiers: Any = None) -> Column:
    header = {"name": name, **({"units": units} if units else {})}
    extra = {} if qualifiers is None else {"qualifiers": qualifiers}
    return {"header": header, **extra, "values": values}


def _plain(values: Sequence[Any]) -> list[dict[str, Any]]:
    """Values without errors; - where there is none."""
    return [{"value": "-" if value is None else value} for value in values]


def _table(independent: list[Column], dependent: list[Column]) -> dict[str, Any]:
    return {"independent_variables": independent, "dependent_variables": dependent}


def _results(result: Mapping[str, Any]) -> dict[str, Any]:
    """Those of one parameter of interest."""
    parts = result["breakdown"]
    errors = [
        {
            "label": name,
            "asymerror": {"plus": parts[name]["up"], "minus": -parts[name]["down"]},
        }
        for name in ("stat", *parts["order"])
        if None not in parts[name].values()  # the comment of the record says n/a
    ]
    rows: list[tuple[str, dict[str, Any]]] = [
        ("Signal strength", _value(result["value"], errors)),
        ("Discovery significance, expected", {"value": result["significance"]["expected"]}),
    ]
    if "observed" in result["significance"]:
        observed = {"value": result["significance"]["observed"]}
        rows.append(("Discovery significance, observed", observed))
    limit = result["limit"]
    level = f"{100 * limit['level']:.0f}% CL"
    for band, value in zip(BANDS, limit["expected"], strict=True):
        rows.append((f"Upper limit ({level}), expected, {band}", _plain([value])[0]))
    if "observed" in limit:
        rows.append((f"Upper limit ({level}), observed", _plain([limit["observed"]])[0]))
    return _table(
        [_column("Quantity", _plain([name for name, _ in rows]))],
        [_column("Value", [value for _, value in rows])],
    )


def _yields(entry: Mapping[str, Any], data: str, variable: tuple[str, str]) -> dict[str, Any]:
    edges = entry["edges"]
    bins = [{"low": low, "high": high} for low, high in pairwise(edges)]
    columns = [_column("Events", _plain(entry["data"]), "", [{"name": "Data", "value": data}])]
    for stage, title in (("prefit", "before the fit"), ("postfit", "after the fit")):
        for name, part in entry[stage].items():
            values = [
                _value(value, [{"label": "total", **_error(value, error)}])
                for value, error in zip(part["values"], part["errors"], strict=True)
            ]
            qualifiers = [{"name": "Sample", "value": name}, {"name": "Stage", "value": title}]
            columns.append(_column("Expected events", values, "", qualifiers))
    return _table([_column(variable[0], bins, variable[1])], columns)


def _value(value: float, errors: list[dict[str, Any]]) -> dict[str, Any]:
    """A value with its errors; HEPData refuses those that are all 0, which say nothing."""
    sizes = [
        size
        for error in errors
        for size in (error.get("symerror", 0.0), *error.get("asymerror", {}).values())
    ]
    return {"value": value, "errors": errors} if any(sizes) else {"value": value}


def _error(value: float, error: float) -> dict[str, Any]:
    """That of an empty bin is upwards only."""
    return {"symerror": error} if value else {"asymerror": {"plus": error, "minus": 0.0}}


def _impacts(fit: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    entries = fit["parameters"]
    columns = [
        _column(title, _plain([entry[key] for entry in entries]))
        for key, title in (
            ("pull", "Pull in pre-fit errors"),
            ("constraint", "Post-fit error over pre-fit error"),
        )
    ]
    for poi in fit["pois"]:
        columns += [
            _column(
                f"Impact on {poi} of {title}",
                _plain([entry["impacts"][poi][key] for entry in entries]),
            )
            for key, title in (
                ("up", "+ post-fit error"),
                ("down", "- post-fit error"),
                ("prefit_up", "+ pre-fit error"),
                ("prefit_down", "- pre-fit error"),
            )
        ]
    names = [titles.get(entry["name"], entry["name"]) for entry in entries]
    return _table([_column("Parameter", _plain(names))], columns)


def _correlation(fit: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    names = [titles.get(name, name) for name in fit["correlation"]["names"]]
    pairs = [(one, other) for one in names for other in names]
    values = [value for row in fit["correlation"]["matrix"] for value in row]
    return _table(
        [
            _column("Parameter", _plain([one for one, _ in pairs])),
            _column("Other parameter", _plain([other for _, other in pairs])),
        ],
        [_column("Correlation", _plain(values))],
    )


def _scan(result: Mapping[str, Any]) -> dict[str, Any]:
    scanned = result["scan"]
    columns = [("total", "all parameters profiled"), ("stat", "nuisance parameters held")]
    return _table(
        [_column("Signal strength", _plain(scanned["mu"]))],
        [
            _column("-2 Delta ln L", _plain(scanned[key]), "", [{"name": "Fit", "value": text}])
            for key, text in columns
        ],
    )


def _cls(result: Mapping[str, Any], data: str) -> dict[str, Any]:
    scanned = result["limit"]["scan"]
    columns = [
        _column("CLs", _plain(values), "", [{"name": "Expected", "value": band}])
        for band, values in zip(BANDS, scanned["expected"], strict=True)
    ]
    if "observed" in scanned:
        columns.append(
            _column("CLs", _plain(scanned["observed"]), "", [{"name": "Observed", "value": data}])
        )
    return _table([_column("Signal strength", _plain(scanned["mu"]))], columns)


def write_hepdata(record: Mapping[str, Any], folder: Path) -> None:
    """Write each file of a record as YAML."""
    for name, content in record.items():
        documents = content if name == "submission" else [content]
        with atomic(folder / f"{name}.yaml") as part:
            text = yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True)
            part.write_text(text, encoding="utf-8")

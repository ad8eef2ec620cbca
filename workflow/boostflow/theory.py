"""What the entries of NanoAOD's theory weights mean, and what they are relative to.

Of the weights of the parton shower (PSWeight), of scales (LHEScaleWeight) and of parton densities
(LHEPdfWeight) everything else asks here: the check, ingest, select, the configuration. The title of
a branch decides; without one the documented order does, and what stays ambiguous is off:

* PSWeight: since NanoAOD v15 titles name each entry, `[0] isr.murfac=2.0` (CMSSW, pull request
  47253), by the factor of the shower's renormalisation scale. Up is 0.5, down 2. Before, all
  versions filled ISR up, FSR up, ISR down, FSR down, and called them `ISR=0.5` (the scale) or
  `ISR=2` (its inverse): one order, two titles.
* LHEScaleWeight: titles name the factors of muR and muF. Relative to the entry of (1, 1); files
  with 8 entries have none, and are relative to genWeight.
* LHEPdfWeight: relative to member 0, which is not genWeight where events were generated with
  another set. Titles give the LHA IDs. The last two of a set called `_pdfas` are no eigenvectors,
  but alpha_s down and up (arXiv:1510.03865, section 6.5), and columns of their own.

Relative means divided, event by event. `select.theory` normalises all of them such that the rate of
all generated events stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

WEIGHTS = {
    "PSWeight": "parton-shower weight variations are",
    "LHEScaleWeight": "weights for other scales (muR, muF) are",
    "LHEPdfWeight": "weights for other parton densities are",
}
"""Branches of relative event weights, and what is off without them."""
SUMS = {"PSWeight": "PSSumw", "LHEScaleWeight": "LHEScaleSumw", "LHEPdfWeight": "LHEPdfSumw"}
"""Branches of `Runs` with the sums of genWeight x each entry over all generated events, divided by
the sum of genWeight."""
PS_WEIGHTS = ("isr_up", "fsr_up", "isr_down", "fsr_down")
"""PSWeight in the order of CMS NanoAOD: ISR x 0.5, FSR x 0.5, ISR x 2, FSR x 2 (of the scale)."""
SCALES = tuple((mur, muf) for mur in (0.5, 1.0, 2.0) for muf in (0.5, 1.0, 2.0))
"""LHEScaleWeight, as (muR, muF), in the order of CMS NanoAOD; files with 8 entries lack the nominal
one."""
NOMINAL_SCALE = "weight_mur1_muf1"
"""Column of (1, 1), which others are relative to; not in the selected jets."""
MEMBER_0 = "weight_pdf_0"
"""Column of the central member; 1 in the selected jets."""
ALPHA_S = ("weight_alphas_down", "weight_alphas_up")
"""Columns of the last two members of a set with alpha_s."""

_WITH_ALPHA_S = (33, 43, 103)
"""Numbers of members that only sets with alpha_s have (PDF4LHC15_30, PDF4LHC21_40, NNPDF)."""
_EITHER = 53
"""NNPDF 4.0 with alpha_s (LHA IDs from 300000 on), or CT10 without."""
_WITHOUT_CENTRAL = (30, 100, 102)
"""Numbers of members that sets have without member 0."""
_ENTRY = re.compile(r"\[(\d+)\]\s*(?:is\s+)?([^;\[]*)")
_SHOWER = re.compile(r"(isr|fsr)[.:]murfac=(\d+(?:\.\d+)?)[.,]?", re.IGNORECASE)
_OLD_SHOWER = re.compile(r"ISR=([\d.]+)\s+FSR=([\d.]+)")
_LHA = re.compile(r"LHA IDs?\s+(\d+)\s*-\s*(\d+)")
_NUMBER = r"""\s*=\s*"?((?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?)"""
_SCALE_NAMES = {0.5: "05", 1.0: "", 2.0: "2"}


@dataclass(frozen=True)
class Meaning:
    """What the entries of a branch of theory weights are."""

    columns: list[str | None]
    """Column of each entry; None of entries that are not read. Empty where nothing is known."""
    text: str
    """What they are and what decided it, as the end of a sentence; or why they are off."""


def meaning(branch: str, count: int, title: str = "") -> Meaning:
    """What the entries of a branch of theory weights are.

    Args:
        branch: a key of `WEIGHTS`.
        count: number of its entries.
        title: of the branch.

    Returns:
        Columns `weight_isr_up`...; `weight_mur05_muf05`, `weight_mur2`... (factors of muR and muF,
        those of 1 left out) and `NOMINAL_SCALE`; `weight_pdf_0`... in the order of the file and
        `ALPHA_S`.
    """
    if not count:
        return Meaning([], "has no entries")
    found = _MEANINGS[branch](count, " ".join(title.split()))
    if isinstance(found, str):
        return Meaning([], f"has {count} entries of no known meaning ({found})")
    return found


def weight_columns(branch: str, count: int, title: str = "") -> list[str | None]:
    """The columns of the entries of a branch; arguments and result as those of `meaning`."""
    return meaning(branch, count, title).columns


def branch_of(column: str) -> str | None:
    """The branch that a column of theory weights comes from, None for other columns."""
    if column.removeprefix("weight_") in PS_WEIGHTS:
        return "PSWeight"
    if column in ALPHA_S or re.fullmatch(r"weight_pdf_\d+", column):
        return "LHEPdfWeight"
    known = {_scale_column(*pair) for pair in SCALES}
    return "LHEScaleWeight" if column in known else None


def reference_of(column: str) -> str | None:
    """The column that a column of theory weights is relative to where there is such; else None."""
    return {"LHEScaleWeight": NOMINAL_SCALE, "LHEPdfWeight": MEMBER_0}.get(branch_of(column) or "")


def reference_in(columns: list[str | None]) -> str:
    """What the entries of a branch are relative to, in words."""
    if NOMINAL_SCALE in columns:
        return "relative to the entry of muR = muF = 1"
    return "relative to member 0" if MEMBER_0 in columns else "relative to genWeight"


def _shower(count: int, title: str) -> Meaning | str:
    entries = {int(number): text.strip() for number, text in _ENTRY.findall(title)}
    named = {i: found for i, text in entries.items() if (found := _SHOWER.fullmatch(text))}
    if named:
        columns: list[str | None] = [None] * count
        for i, found in named.items():
            side = {0.5: "up", 2.0: "down"}.get(float(found[2]))
            if i >= count:
                return f"its title names an entry {i}"
            if side is not None:
                columns[i] = f"weight_{found[1].lower()}_{side}"
        there = [column for column in columns if column is not None]
        if len(set(there)) < len(there):
            return "its title names an entry twice"
        if not there:
            return "its title names no scale x 0.5 or x 2"
        lacking = [name for name in PS_WEIGHTS if f"weight_{name}" not in there]
        without = f", without {', '.join(lacking)}" if lacking else ""
        return Meaning(columns, f"scales of ISR and FSR as its title says{without}")
    usual: list[str | None] = [f"weight_{name}" for name in PS_WEIGHTS]
    if count != len(usual):
        return "its title names none" if title else "it has no title"
    old = [found.groups() for text in entries.values() if (found := _OLD_SHOWER.search(text))]
    order = [("x", "1"), ("1", "x"), ("y", "1"), ("1", "y")]
    forms = [
        [tuple({"x": x, "y": y}.get(one, one) for one in pair) for pair in order]
        for x, y in (("0.5", "2"), ("2", "0.5"))
    ]
    if entries and old not in forms:
        return "its title is of another order than any version of NanoAOD has"
    text = "ISR up, FSR up, ISR down, FSR down, the order of NanoAOD before v15"
    if entries:
        text += ", whose titles do not tell whether Pythia from 8.309 on broke it (cmssw#47253)"
    return Meaning(usual, text)


def _scales(count: int, title: str) -> Meaning | str:
    told = _scales_in(title)
    nominal = (1.0, 1.0)
    scales = [pair for pair in SCALES if count == len(SCALES) or pair != nominal]
    text = "muR and muF in CMS' order"
    if len(told) == count:
        named = [pair for pair in told if pair is not None]
        if len(named) == count:
            scales, text = named, "muR and muF as its title says"
        elif any(one not in (None, other) for one, other in zip(told, scales, strict=False)):
            return "its title names some of them, in another order than CMS'"
    if len(scales) != count or not set(scales) <= set(SCALES) or len(set(scales)) < count:
        return "9 or 8 of muR and muF x (0.5, 1, 2) are known"
    return Meaning([_scale_column(*pair) for pair in scales], text)


def _densities(count: int, title: str) -> Meaning | str:
    found = _LHA.search(title)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if found and last - first + 1 == count:
        start = 1 if first % 100 == 1 else 0
        told = f" (LHA IDs {first} - {last})"
    else:
        start = 1 if count in _WITHOUT_CENTRAL else 0
        told = ""
    members = count + start
    strong = members in _WITH_ALPHA_S or (members == _EITHER and first >= 300000)
    number = count - len(ALPHA_S) if strong else count
    columns: list[str | None] = [f"weight_pdf_{i}" for i in range(start, start + number)]
    text = f"members {start} to {start + number - 1}{told}"
    if strong:
        columns += ALPHA_S
        text += " and alpha_s down and up"
    elif members == _EITHER and not told:
        text += ", of which the last two may be alpha_s: its title does not tell"
    return Meaning(columns, text)


_MEANINGS: dict[str, Callable[[int, str], Meaning | str]] = {
    "PSWeight": _shower,
    "LHEScaleWeight": _scales,
    "LHEPdfWeight": _densities,
}


def _scale_column(mur: float, muf: float) -> str:
    parts = [f"{name}{_SCALE_NAMES[x]}" for name, x in (("mur", mur), ("muf", muf)) if x != 1.0]
    return "_".join(["weight", *parts]) if parts else NOMINAL_SCALE


def _scales_in(title: str) -> list[tuple[float, float] | None]:
    """Factors of muR and muF by entry, as a title names them; None where it does not."""
    found: list[tuple[float, float] | None] = []
    for _, text in _ENTRY.findall(title):
        mur = re.search("(?:renscfact|mur)" + _NUMBER, text, re.IGNORECASE)
        muf = re.search("(?:facscfact|muf)" + _NUMBER, text, re.IGNORECASE)
        if mur is None or muf is None:
            found.append(None)
            continue
        one, other = (float(m[1].lower().replace("d", "e")) for m in (mur, muf))
        found.append((one, other))
    return found

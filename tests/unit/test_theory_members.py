"""What the entries of theory weights are by their titles, and what their sums in Runs add up to."""

from __future__ import annotations

import numpy as np
import pytest

from boostflow.ingest.produced import Produced, produced
from boostflow.select.theory import norms
from boostflow.theory import (
    ALPHA_S,
    NOMINAL_SCALE,
    SCALES,
    branch_of,
    meaning,
    reference_of,
    weight_columns,
)

START = "PS weights (w_var / w_nominal)"
USUAL = ["weight_isr_up", "weight_fsr_up", "weight_isr_down", "weight_fsr_down"]
EXCHANGED = [*USUAL[2:], *USUAL[:2]]
TITLES = {
    "none": ("", USUAL),
    "v6": (
        f"{START}; [0] is ISR=0.5 FSR=1; [1] is ISR=1 FSR=0.5; [2] is ISR=2 FSR=1; [3] is ISR=1 "
        "FSR=2 ",
        USUAL,
    ),
    "v9": (
        f"{START};   [0] is ISR=2 FSR=1; [1] is ISR=1 FSR=2[2] is ISR=0.5 FSR=1; [3] is ISR=1 "
        "FSR=0.5;",
        USUAL,
    ),
    "v15": (
        f"{START} [0] isr.murfac=2.0; [1] fsr.murfac=2.0; [2] isr.murfac=0.5; [3] fsr.murfac=0.5;",
        EXCHANGED,
    ),
    "v15 with colons": (
        f"{START} [0] isr:murfac=0.5; [1] fsr:murfac=0.5; [2] isr:murfac=2.0; [3] fsr:murfac=2.0",
        USUAL,
    ),
    "no ISR": (
        f"{START} [0] fsr.murfac=0.707; [1] fsr.murfac=1.414; [2] fsr.murfac=0.5; "
        "[3] fsr.murfac=2.0;",
        [None, None, "weight_fsr_up", "weight_fsr_down"],
    ),
}


@pytest.mark.parametrize("case", TITLES)
def test_titles_say_which_shower_weights(case: str) -> None:
    title, columns = TITLES[case]
    assert weight_columns("PSWeight", 4, title) == columns
    assert ("cmssw#47253" in meaning("PSWeight", 4, title).text) == (case in ("v6", "v9"))


@pytest.mark.parametrize(
    ("count", "title", "why"),
    [
        (4, f"{START} [0] is ISR=1 FSR=0.5; [1] is ISR=0.5 FSR=1;", "another order"),
        (4, f"{START} [0] isr.murfac=2.0; [1] isr.murfac=2.0", "names an entry twice"),
        (4, f"{START} [0] fsr.murfac=0.707; [1] fsr.murfac=1.414", "no scale x 0.5 or x 2"),
        (2, f"{START} [4] isr.murfac=2.0", "names an entry 4"),
        (44, "All PS weights (w_var / w_nominal)", "names none"),
        (1, "dummy PS weight (1.0)", "names none"),
    ],
)
def test_ambiguous_shower_weights_are_off(count: int, title: str, why: str) -> None:
    found = meaning("PSWeight", count, title)
    assert not found.columns and why in found.text and "no known meaning" in found.text


def test_odd_numbers_in_titles_are_no_error() -> None:
    assert weight_columns("PSWeight", 2, "[0] isr.murfac=0.5. [1] fsr.murfac=2,") == [
        "weight_isr_up",
        "weight_fsr_down",
    ]
    assert not weight_columns("PSWeight", 4, "[0] isr.murfac=0.5.1")
    odd = " ; ".join(f"[{i}] is muR=1.2.3 muF=." for i in range(9))
    assert weight_columns("LHEScaleWeight", 9, odd) == weight_columns("LHEScaleWeight", 9)


def test_a_long_list_of_shower_weights_is_read_by_its_title() -> None:
    names = ["isr.murfac=0.707", "isr.murfac=0.5", "fsr.g2gg.murfac=0.5", "isr.murfac=2.0"]
    title = " ".join(f"[{i}] {name};" for i, name in enumerate(names))
    assert weight_columns("PSWeight", 4, title) == [None, USUAL[0], None, USUAL[2]]


LHA = "LHE pdf variation weights (w_var / w_nominal) for LHA IDs {} - {}"


@pytest.mark.parametrize(
    ("count", "title", "first", "last", "strong"),
    [
        (101, "", 0, 100, False),
        (103, LHA.format(306000, 306102), 0, 100, True),
        (33, "", 0, 30, True),
        (43, LHA.format(93300, 93342), 0, 40, True),
        (53, LHA.format(331700, 331752), 0, 50, True),
        (53, LHA.format(11000, 11052), 0, 52, False),
        (100, "", 1, 100, False),
        (102, LHA.format(306001, 306102), 1, 100, True),
        (5, "", 0, 4, False),
    ],
)
def test_members_of_pdf_sets(count: int, title: str, first: int, last: int, strong: bool) -> None:
    columns = weight_columns("LHEPdfWeight", count, title)
    assert columns == [
        *(f"weight_pdf_{i}" for i in range(first, last + 1)),
        *(ALPHA_S if strong else ()),
    ]


def test_columns_know_their_branch_and_reference() -> None:
    for branch, reference in {
        "PSWeight": None,
        "LHEScaleWeight": NOMINAL_SCALE,
        "LHEPdfWeight": "weight_pdf_0",
    }.items():
        columns = weight_columns(branch, {"PSWeight": 4, "LHEScaleWeight": 9}.get(branch, 103))
        assert {branch_of(column) for column in columns} == {branch}
        assert {reference_of(column) for column in columns} == {reference}
    assert branch_of("weight_pileup_up") is None and reference_of("weight_pileup_up") is None


def test_scales_that_are_named_twice_are_off() -> None:
    title = " ; ".join(f"[{i}] is muR=1.0 muF=2.0" for i in range(len(SCALES)))
    assert not weight_columns("LHEScaleWeight", len(SCALES), title)


class Runs:
    """The tree of that name, as uproot reads it."""

    def __init__(self, **columns: list) -> None:
        self.columns = columns

    def keys(self) -> list[str]:
        return list(self.columns)

    def __getitem__(self, name: str) -> Runs:
        return Runs(values=self.columns[name])

    def array(self, library: str) -> np.ndarray:
        (values,) = self.columns.values()
        result = np.empty(len(values), object)
        result[:] = [np.array(x) if isinstance(x, list) else x for x in values]
        return result if isinstance(values[0], list) else np.array(values)


def test_rows_of_runs_count_with_their_sum_of_weights() -> None:
    """A row has means, relative to its genEventSumw; rows of no events may have no list."""
    sums = {"genEventCount": [10, 30, 0], "genEventSumw": [5.0, 15.0, 0.0]}
    runs = Runs(**sums, PSSumw=[[1.0, 2.0], [2.0, 1.0], []], LHEPdfSumw=[[1.0], [1.0, 1.0], []])
    made = produced("a.root", runs)
    assert made == Produced(40, 20.0, {"PSWeight": (5.0 + 30.0, 10.0 + 15.0)})
    half = made.share(range(0, 5), 10)
    assert half == Produced(20, 10.0, {"PSWeight": (17.5, 12.5)})
    assert produced("a.root", Runs(**sums, PSSumw=[[1.0], [np.nan], []])).members == {}


def test_sums_are_those_before_a_skim_where_there_are_any() -> None:
    whole = {
        "sumw": 100.0,
        "sumw_weights": {"weight_pdf_0": 50.0, "weight_pdf_1": 60.0, "weight_isr_up": 110.0},
        "sumw_weights_before": {},
    }
    skim = whole | {"sumw_weights_before": {"weight_pdf_0": 10.0, "weight_pdf_1": 20.0}}
    empty = skim | {"sumw_weights": {}}
    assert norms([(1.0, whole)]) == pytest.approx(
        {"weight_pdf_0": 1.0, "weight_pdf_1": 1.2, "weight_isr_up": 1.1}
    )
    # Of the shower the sums of the events that are left, of 10 events each of which stands for 2.
    assert norms([(2.0, skim | {"sumw": 200.0}), (None, empty)]) == pytest.approx(
        {"weight_pdf_0": 1.0, "weight_pdf_1": 2.0, "weight_isr_up": 1.1}
    )
    nothing = whole | {"sumw_weights": {"weight_pdf_0": 0.0, "weight_pdf_1": 0.0}}
    assert np.isnan(norms([(1.0, nothing)])["weight_pdf_1"])

"""Weights for other scales and parton densities of the hard process, relative to nominal.

The cross-section of a hard process at leading order is proportional to

    alpha_s(muR^2)^n  x1 f1(x1, muF^2)  x2 f2(x2, muF^2),

so the ratio of this product to its nominal value reweights an event exactly, at that order. `n` is
the process' power of alpha_s (`Process.alpha_s`): 2 for QCD and top quark pairs; 1 for W or Z and a
jet; 0 for pairs of W or Z and for W', whose cross-sections do not depend on muR at this order, so
that the weights of muR alone are 1. The showers keep their scales (they have weights of their own,
`PSWeight`) and their densities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boostflow.theory import SCALES

if TYPE_CHECKING:
    import awkward as ak
    import pythia8mc

PDF_SETS = {
    14: "NNPDF2.3 QCD+QED LO, alpha_s(M_Z) = 0.119",
    17: "NNPDF3.1 LO, alpha_s(M_Z) = 0.130",
    5: "MSTW 2008 LO",
    8: "CTEQ6L1",
}
"""`PDF:pSet` of the alternatives, entries 1 to 4 of LHEPdfWeight; entry 0 is nominal (as a rule
13, NNPDF2.3 QCD+QED LO with 0.130). All are central members of fits at leading order with leading
order alpha_s, like the nominal one: Pythia ships no error members. Their envelope shows how far
fits of different groups lie apart; it is no 68 % interval of any of them."""


class TheoryWeights:
    """Scale and PDF weights of the events of an initialised Pythia.

    Args:
        pythia: after `init`.
        power: of alpha_s in the cross-section of the hard process.
    """

    def __init__(self, pythia: pythia8mc.Pythia, power: int) -> None:
        import pythia8mc

        settings = pythia.settings
        self._power = power
        # As Pythia's SigmaProcess does it.
        self._alpha_s = pythia8mc.AlphaStrong()
        self._alpha_s.init(
            settings.parm("SigmaProcess:alphaSvalue"),
            settings.mode("SigmaProcess:alphaSorder"),
            settings.mode("StandardModel:alphaSnfmax"),
            False,
        )
        # Densities of the hard process: its own, where there are some, else those of all.
        key, which = ("PDF:pHardSet", 2) if settings.flag("PDF:useHard") else ("PDF:pSet", 1)
        used = settings.word(key)
        self._nominal = pythia.getPDFPtr(2212, which)
        self._others = []
        for number in PDF_SETS:
            settings.word(key, str(number))
            self._others.append(pythia.getPDFPtr(2212, which))
        settings.word(key, used)

    def scales(self, info: ak.Array) -> NDArray[np.float64]:
        """Weights of shape (events, 9) in the order of `SCALES`, from `info` of a batch."""
        q2_ren = np.asarray(info.Q2Ren)
        coupling = {
            mur: self._couplings(mur**2 * q2_ren) / self._couplings(q2_ren) for mur in (0.5, 2.0)
        } | {1.0: np.ones(len(q2_ren))}
        partons = {muf: self._ratio(self._nominal, info, muf) for muf in (0.5, 1.0, 2.0)}
        return np.stack([coupling[mur] * partons[muf] for mur, muf in SCALES], axis=1)

    def densities(self, info: ak.Array) -> NDArray[np.float64]:
        """Weights of shape (events, 5): nominal and `PDF_SETS`, from `info` of a batch."""
        others = [self._ratio(pdf, info, 1.0) for pdf in self._others]
        return np.stack([np.ones(len(info)), *others], axis=1)

    def _couplings(self, q2: NDArray) -> NDArray[np.float64]:
        """alpha_s to the power of the process."""
        if self._power == 0:
            return np.ones(len(q2))
        return np.array([self._alpha_s.alphaS(x) for x in q2.tolist()]) ** self._power

    def _ratio(self, pdf: pythia8mc.PDF, info: ak.Array, muf: float) -> NDArray[np.float64]:
        """Product of both partons' densities at muF x `muf`, relative to what Pythia used."""
        q2 = (muf**2 * np.asarray(info.Q2Fac)).tolist()
        product = _xf(pdf, info.id1, info.x1, q2) * _xf(pdf, info.id2, info.x2, q2)
        used = np.asarray(info.pdf1) * np.asarray(info.pdf2)
        return np.where(used > 0, product / np.where(used > 0, used, 1), 1)


def _xf(pdf: pythia8mc.PDF, ids: ak.Array, x: ak.Array, q2: Sequence[float]) -> NDArray[np.float64]:
    return np.array(
        [pdf.xf(*parton) for parton in zip(ids.to_list(), x.to_list(), q2, strict=True)]
    )

"""Corrections of a correctionlib file, evaluated by the names of their inputs."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from boostflow.correctionfile import WAY_OUT, content_of, outside, text_of
from boostflow.errors import BoostflowError
from boostflow.nanoaod import EMBEDDING, LAYERS

if TYPE_CHECKING:
    import correctionlib
    import numpy as np
    from numpy.typing import ArrayLike

    Columns = Mapping[str, ArrayLike]

COLUMNS = {
    **{"pt": "pt", "JetPt": "pt", "eta": "eta", "JetEta": "eta", "phi": "phi", "JetPhi": "phi"},
    **{"mass": "mass", "JetMass": "mass", "rho": "rho", "Rho": "rho", "area": "area"},
    **{"JetA": "area", "run": "run"},
}
"""Column of the ingested jets behind each input: our names and those of public CMS files."""
SYSTEMATIC = "systematic"
"""Input that says which value is wanted: `nom`, `up` or `down`."""
PARTNER = ("_ScaleFactor_", "_SFUncertainty_")
"""In the name of a scale factor without `systematic`, and in that of its absolute uncertainty:
public files of CMS since June 2026."""
OPTIONAL = {
    "rho": "Rho_fixedGridRhoFastjetAll or fixedGridRhoFastjetAll",
    "area": "FatJet_area",
    "raw_factor": "FatJet_rawFactor",
    "gen_pt": "FatJet_genJetAK8Idx and GenJetAK8_pt",
    **EMBEDDING,
    **LAYERS,
}
"""Columns that only some files have, and the branches that they come from."""

Value = Literal["nom", "up", "down"]


class Corrections:
    """An open file, .json or .json.gz.

    Raises:
        BoostflowError: it cannot be read, or is no correctionlib file.
    """

    def __init__(self, path: Path) -> None:
        import correctionlib

        self.path = path
        try:
            self._set = correctionlib.CorrectionSet.from_string(text_of(path))
        except FileNotFoundError:
            raise BoostflowError(f"{path}: no such file") from None
        except (RuntimeError, OSError, ValueError, EOFError, zlib.error) as error:
            reason = " ".join(str(error).split())[:160]
            raise BoostflowError(f"{path}: not a correctionlib file ({reason})") from None

    def names(self) -> list[str]:
        """Names of all corrections in the file."""
        return list(self._set)

    def compounds(self) -> list[str]:
        """Names of what is made of several corrections, each on the momentum after the last."""
        return list(self._set.compound)

    def calibration_problem(self, name: str) -> str | None:
        """Why a compound correction cannot calibrate jets anew, or None."""
        if name not in self.compounds():
            known = ", ".join(self.compounds()) or "none"
            return f"no compound correction {name!r} in {self.path}; it has {known}"
        if unknown := [x for x in self._inputs(name) if x not in COLUMNS]:
            return f"{name} takes {', '.join(unknown)}; known inputs: {', '.join(COLUMNS)}"
        return None

    def calibration(self, name: str, jets: Columns, able: np.ndarray) -> np.ndarray:
        """The factor from the momentum that each jet has to that of a new calibration.

        (1 - raw_factor) times the compound correction of the raw momentum, as NanoAOD defines
        `FatJet_rawFactor`; 1 for jets that cannot pass and for which it is not defined.

        Args:
            name: of a compound correction: `..._L1L2L3Res_...`.
            jets: columns of shape (jets,).
            able: shape (jets,), which jets can pass the selection.

        Raises:
            BoostflowError: as `evaluate`; or a factor is not positive.
        """
        import numpy as np

        if problem := self.calibration_problem(name):
            raise BoostflowError(f"{self.path}: {problem}")
        self._present(name, jets)
        self._present(name, jets, ["raw_factor"])
        raw = 1 - np.asarray(jets["raw_factor"], dtype=np.float64)
        needed = {column: jets[column] for column in {*self.columns(name), "pt"}}
        found = self._values(name, {**needed, "pt": raw * needed["pt"]}, None, able)
        factor = np.where(np.isfinite(found), raw * found, 1.0)
        if (factor <= 0).any():
            raise BoostflowError(f"{self.path}: {name} is not positive for some jets")
        return factor

    def problem(self, name: str, *, by_value: bool) -> str | None:
        """Why a correction cannot serve, or None.

        Args:
            name: of a correction in the file.
            by_value: it has to take `systematic` besides properties of the jet.
        """
        inputs = [variable.name for variable in self._set[name].inputs]
        takes = f"{name} takes ({', '.join(inputs)})"
        if unknown := [x for x in inputs if x not in COLUMNS and x != SYSTEMATIC]:
            return f"{takes}: {', '.join(unknown)} unknown; known inputs: {', '.join(COLUMNS)}"
        if by_value and SYSTEMATIC not in inputs:
            partner = self._partner(name)
            if partner is None:
                return (
                    f"{takes}: a scale factor takes {SYSTEMATIC} (nom, up, down), too, or has its"
                    f" uncertainty in a correction of its own ({' instead of '.join(PARTNER[::-1])}"
                    " in the name), which the file lacks"
                )
            return self.problem(partner, by_value=False)
        if not by_value and SYSTEMATIC in inputs:
            return f"{takes}: expected is one that depends on the jet alone, without {SYSTEMATIC}"
        return None

    def _partner(self, name: str) -> str | None:
        """The correction that holds the uncertainty of a scale factor, if there is one."""
        partner = name.replace(*PARTNER)
        return partner if partner != name and partner in self.names() else None

    def columns(self, name: str) -> list[str]:
        """Columns that a correction needs, with its uncertainty if that is one of its own."""
        names = [name] if SYSTEMATIC in self._inputs(name) else [name, self._partner(name)]
        inputs = [x for one in names if one is not None for x in self._inputs(one)]
        return list(dict.fromkeys(COLUMNS[x] for x in inputs if x != SYSTEMATIC))

    def _inputs(self, name: str) -> list[str]:
        return [variable.name for variable in self._correction(name).inputs]

    def _correction(self, name: str) -> Any:
        """A correction, or a compound one."""
        return self._set[name] if name in self.names() else self._set.compound[name]

    def evaluate(
        self, name: str, jets: Columns, value: Value | None = None, able: np.ndarray | None = None
    ) -> np.ndarray:
        """The correction of each jet, shape (jets,), float64.

        A scale factor whose uncertainty is a correction of its own (`PARTNER`) is nominal plus or
        minus that, and at least 0.

        Args:
            name: of the correction.
            jets: columns of shape (jets,).
            value: which one, of a correction that takes `systematic`.
            able: shape (jets,), which jets can pass the selection; null: all. For others the result
                is NaN where the correction is not defined.

        Raises:
            BoostflowError: no such correction, it wants what there is not, or it is not defined for
                some jet that can pass.
        """
        import numpy as np

        self._known(name)
        if problem := self.problem(name, by_value=value is not None):
            raise BoostflowError(f"{self.path}: {problem}")
        self._present(name, jets)
        found = self._values(name, jets, value, able)
        partner = None if SYSTEMATIC in self._inputs(name) else self._partner(name)
        if partner is None or value in (None, "nom"):
            return found
        size = self._values(partner, jets, None, able)
        return np.maximum(found + size if value == "up" else found - size, 0.0)

    def _values(
        self, name: str, jets: Columns, value: Value | None, able: np.ndarray | None
    ) -> np.ndarray:
        """One correction; NaN where it is not defined for jets that cannot pass."""
        import numpy as np

        inputs = {
            x: np.asarray(jets[COLUMNS[x]], dtype=np.float64)
            for x in self._inputs(name)
            if x != SYSTEMATIC
        }
        shape = np.shape(jets["pt"])

        def of(some: Any = ...) -> np.ndarray | None:
            """The values of some jets; None where one is not defined."""
            given = {x: column[some] for x, column in inputs.items()}
            arguments = [value if x == SYSTEMATIC else given[x] for x in self._inputs(name)]
            try:
                result = np.asarray(self._correction(name).evaluate(*arguments), dtype=np.float64)
            except (RuntimeError, IndexError):
                return None
            result = np.broadcast_to(result, np.empty(shape)[some].shape)
            return result if np.isfinite(result).all() else None

        if (whole := of()) is not None:
            return whole
        able = np.ones(shape, dtype=bool) if able is None else np.broadcast_to(able, shape)
        result = np.full(shape, np.nan)
        if (those := of(able)) is None:
            bad = [i for i in np.flatnonzero(able) if of(np.unravel_index(i, shape)) is None]
            first = np.unravel_index(bad[0], shape) if bad else ...
            row = {x: float(column[first]) for x, column in inputs.items()}
            where = outside(content_of(text_of(self.path), name), row)
            raise BoostflowError(
                f"{self.path}: {name} is not defined (or infinite) for {len(bad)} of {able.sum()} "
                f"jets that may pass, first for {where}: {WAY_OUT}"
            )
        result[able] = those
        for i in np.flatnonzero(~able):
            at = np.unravel_index(i, shape)
            if (one := of(at)) is not None:
                result[at] = one
        return result

    def _known(self, name: str) -> correctionlib.highlevel.Correction:
        if name not in self.names():
            known = ", ".join(self.names())
            raise BoostflowError(f"{self.path}: no correction {name!r}; it has {known}")
        return self._set[name]

    def _present(
        self, name: str, jets: Collection[str], columns: Collection[str] | None = None
    ) -> None:
        for column in self.columns(name) if columns is None else columns:
            if column not in jets:
                source = f" (branch {OPTIONAL[column]})" if column in OPTIONAL else ""
                raise BoostflowError(
                    f"{self.path}: {name} needs {column} of each jet, which the sample's files do "
                    f"not have{source}"
                )

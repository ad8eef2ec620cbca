"""Corrections of a correctionlib file, evaluated by the names of their inputs."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    import correctionlib
    import numpy as np
    from numpy.typing import ArrayLike

    Columns = Mapping[str, ArrayLike]

COLUMNS = {
    **{"pt": "pt", "JetPt": "pt", "eta": "eta", "JetEta": "eta", "phi": "phi", "JetPhi": "phi"},
    **{"mass": "mass", "JetMass": "mass", "rho": "rho", "Rho": "rho", "area": "area"},
    **{"JetA": "area"},
}
"""Column of the ingested jets behind each input: our names and those of public CMS files."""
SYSTEMATIC = "systematic"
"""Input that says which value is wanted: `nom`, `up` or `down`."""
OPTIONAL = {
    "rho": "Rho_fixedGridRhoFastjetAll or fixedGridRhoFastjetAll",
    "area": "FatJet_area",
}
"""Columns that only some files have, and the branches that they come from."""

Value = Literal["nom", "up", "down"]


DEEPEST = 500
"""Brackets within each other that a file may have; public ones have 30. Beyond some ten thousand
correctionlib would crash, beyond a thousand Python gives up."""


def content(path: Path | str) -> str:
    """The text of a correctionlib file, .json or .json.gz.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text, or nested too deeply for any reader.
        EOFError: it is compressed, and cut; zlib.error if it is broken.
    """
    import numpy as np

    raw = Path(path).read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    step = np.zeros(256, dtype=np.int8)
    step[list(b"[{")], step[list(b"]}")] = 1, -1
    brackets = step[np.frombuffer(raw, dtype=np.uint8)]
    depth = np.cumsum(brackets[brackets != 0], dtype=np.int64)
    if depth.size and depth.max() > DEEPEST:
        raise ValueError(f"has {depth.max()} brackets within each other")
    return raw.decode()


class Corrections:
    """An open file, .json or .json.gz.

    Raises:
        BoostflowError: it cannot be read, or is no correctionlib file.
    """

    def __init__(self, path: Path) -> None:
        import correctionlib

        self.path = path
        try:
            self._set = correctionlib.CorrectionSet.from_string(content(path))
        except FileNotFoundError:
            raise BoostflowError(f"{path}: no such file") from None
        except (RuntimeError, OSError, ValueError, EOFError, zlib.error) as error:
            reason = " ".join(str(error).split())[:160]
            raise BoostflowError(f"{path}: not a correctionlib file ({reason})") from None

    def names(self) -> list[str]:
        """Names of all corrections in the file."""
        return list(self._set)

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
            return f"{takes}: a scale factor takes {SYSTEMATIC} (nom, up, down), too"
        if not by_value and SYSTEMATIC in inputs:
            return f"{takes}: expected is one that depends on the jet alone, without {SYSTEMATIC}"
        return None

    def columns(self, name: str) -> list[str]:
        """Columns that a correction needs."""
        inputs = [variable.name for variable in self._set[name].inputs]
        return [COLUMNS[x] for x in inputs if x != SYSTEMATIC]

    def evaluate(self, name: str, jets: Columns, value: Value | None = None) -> np.ndarray:
        """The correction of each jet, shape (jets,), float64.

        Args:
            name: of the correction.
            jets: columns of shape (jets,).
            value: which one, of a correction that takes `systematic`.

        Raises:
            BoostflowError: no such correction, it wants what there is not, or it is not defined for
                some jet.
        """
        import numpy as np

        correction = self._known(name)
        if problem := self.problem(name, by_value=value is not None):
            raise BoostflowError(f"{self.path}: {problem}")
        self._present(name, jets)
        arguments = [
            value if x == SYSTEMATIC else np.asarray(jets[COLUMNS[x]], dtype=np.float64)
            for x in (variable.name for variable in correction.inputs)
        ]
        try:
            result = np.asarray(correction.evaluate(*arguments), dtype=np.float64)
        except (RuntimeError, IndexError) as error:
            raise BoostflowError(f"{self.path}: {name}: {' '.join(str(error).split())}") from None
        result = np.broadcast_to(result, np.shape(jets["pt"]))
        if not np.isfinite(result).all():
            raise BoostflowError(f"{self.path}: {name} is not finite for some jets")
        return result

    def _known(self, name: str) -> correctionlib.highlevel.Correction:
        if name not in self.names():
            known = ", ".join(self.names())
            raise BoostflowError(f"{self.path}: no correction {name!r}; it has {known}")
        return self._set[name]

    def _present(self, name: str, jets: Collection[str]) -> None:
        for column in self.columns(name):
            if column not in jets:
                source = f" (branch {OPTIONAL[column]})" if column in OPTIONAL else ""
                raise BoostflowError(
                    f"{self.path}: {name} needs {column} of each jet, which the sample's files do "
                    f"not have{source}"
                )

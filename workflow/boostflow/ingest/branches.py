"""Names and types of the branches of a TTree, or of the fields of an RNTuple."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import awkward as ak


_ENTRY = re.compile(r"(.+)\[(\d+)\]")


@dataclass(frozen=True)
class Branch:
    """The type of a branch."""

    depth: int
    """1: a value an event; 2: a list of them; 3: a list of lists."""
    kind: str
    """Kind of the values, as in numpy: f, i, u, b; O if they are no numbers."""
    size: int = field(default=1, compare=False)
    """Size of a value, in bytes."""
    type: str = field(default="", compare=False)
    """Name of the class of objects, where it is one of C++."""

    @property
    def is_bit(self) -> bool:
        """Whether each event is true or false, perhaps as a number of a byte."""
        return self.depth == 1 and self.kind in "biu" and self.size == 1

    def __str__(self) -> str:
        what = {"f": "numbers", "i": "integers", "u": "integers", "b": "booleans"}
        values = what.get(self.kind, "objects")
        kind = f" of type {self.type}" if self.type else ""
        return f"{'lists of ' * (self.depth - 1)}{values}{kind}"


class ShortList(IndexError):
    """A list does not have the entry that the configuration takes; the file is readable."""


class Branches(Mapping[str, Branch]):
    """Names to types; a type is found out when it is asked for: files have thousands of branches.

    Fields of an RNTuple's collections have names as in a TTree: `FatJet_pt` of `FatJet.pt`.
    Branches within others are called by their own names, or with those above, as uproot prints
    them: `EventInfoAux./EventInfoAux.runNumber`. `NAME[4]` is the fifth entry of each list.

    Args:
        tree: what uproot gives.

    Attributes:
        is_rntuple: whether it is an RNTuple.
    """

    def __init__(self, tree: Any) -> None:
        from uproot.behaviors.RNTuple import HasFields

        self.tree = tree
        self.is_rntuple = isinstance(tree, HasFields)
        self._paths: dict[str, str] = {}
        if not self.is_rntuple:
            for path in tree.keys(full_paths=True):
                self._paths.setdefault(path.rsplit("/", 1)[-1], path)
                self._paths.setdefault(path, path)
            return
        # `keys` and `fields` of fields take seconds for the thousand fields of NanoAOD.
        paths: list[str] = []
        for i, record in enumerate(tree.field_records):
            above = "" if record.parent_field_id == i else paths[record.parent_field_id]
            # What lists are of is called _0, which uproot leaves out of paths.
            own = "" if record.field_name.startswith("_0") else record.field_name
            paths.append(".".join(filter(None, (above, own))))
        for path in paths:
            # Helpers of ROOT's importer, whose content is there by its own name, too.
            if not path.startswith("_collection"):
                self._paths.setdefault(path.replace(".", "_"), path)
                self._paths.setdefault(path, path)

    def __getitem__(self, name: str) -> Branch:
        owner, number = self._entry(name)
        if number is not None:
            whole = self[owner]
            return Branch(whole.depth - 1, whole.kind if whole.depth > 1 else "O")
        branch = self.tree[self._paths[name]]
        try:
            form = (
                branch.to_akform() if self.is_rntuple else branch.interpretation.awkward_form(None)
            )
        # uproot raises many kinds of errors for classes that it cannot read.
        except Exception:
            return Branch(1, "O", type=_class_of(branch))
        found = _branch(form[0] if isinstance(form, tuple) else form)
        return replace(found, type=_class_of(branch)) if found.kind == "O" else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._entry(name)[0] in self._paths

    def _entry(self, name: str) -> tuple[str, int | None]:
        """The branch of a name, and which entry of its lists is meant, if one is."""
        found = None if name in self._paths else _ENTRY.fullmatch(name)
        return (name, None) if found is None else (found[1], int(found[2]))

    def title(self, name: str) -> str:
        """What the file says about a branch."""
        branch = self.tree[self._paths[name]]
        return branch.description if self.is_rntuple else branch.title

    def read(self, names: list[str], start: int, stop: int | None) -> dict[str, ak.Array]:
        """The branches' values from event `start` to `stop`.

        Raises:
            ShortList: a list does not have the entry that is read of it.
        """
        owners = dict.fromkeys(self._entry(name)[0] for name in names)
        # One by one, as coffea does: what `arrays` takes are expressions, and slow for RNTuples.
        values = {
            owner: self.tree[self._paths[owner]].array(entry_start=start, entry_stop=stop)
            for owner in owners
        }
        return {name: self._of(values, name, start) for name in names}

    def _of(self, values: dict[str, ak.Array], name: str, start: int) -> ak.Array:
        import awkward as ak
        import numpy as np

        owner, number = self._entry(name)
        if number is None:
            return values[owner]
        short = ak.num(values[owner], axis=-1) <= number
        if ak.any(short, axis=None):
            while short.ndim > 1:
                short = ak.any(short, axis=-1)
            event = start + int(np.flatnonzero(short)[0])
            raise ShortList(f"{name}: the list of entry {event} is shorter")
        return values[owner][..., number]


def _class_of(branch: Any) -> str:
    """The class of a branch's objects, if it is no text."""
    name = str(getattr(branch, "typename", ""))
    return "" if re.search("string|char|unknown", name) else name


def _branch(form: Any) -> Branch:
    import awkward as ak
    import numpy as np

    depth = 1
    if form.parameter("__array__") is not None:  # a string
        return Branch(depth, "O")
    while not isinstance(form, ak.forms.NumpyForm):
        if isinstance(form, ak.forms.RecordForm):
            # Of an RNTuple's field: the way to it from the top.
            if len(form.contents) != 1:
                return Branch(depth, "O")
            form = form.contents[0]
            continue
        if isinstance(form, ak.forms.ListOffsetForm | ak.forms.ListForm | ak.forms.RegularForm):
            depth += 1
        elif not hasattr(form, "content"):
            return Branch(depth, "O")
        form = form.content
    values = np.dtype(form.primitive)
    return Branch(depth + len(form.inner_shape), values.kind, values.itemsize)


def near(name: str, among: Iterable[str]) -> str:
    """What of the file's names a missing one could mean, for messages."""
    close = difflib.get_close_matches(name, list(among), n=3)
    return f" (the file has {', '.join(close)})" if close else ""

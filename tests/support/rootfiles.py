"""Small NanoAOD-like files for tests, written with uproot."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import uproot


def write_nano(
    path: Path,
    events: int = 50,
    *,
    data: bool = False,
    truth: bool = True,
    constituents: bool = False,
    drop: tuple[str, ...] = (),
    tree: str = "Events",
    run: int = 1,
    seed: int = 1,
    spoil: str | None = None,
    generator_jets: bool = False,
    rho: str | None = None,
    raw: bool = False,
    theory: dict[str, int] | None = None,
    copies: int = 1,
    bits: dict[str, float] | None = None,
) -> Path:
    """A TTree with fat jets (0 to 3 an event) and what the switches say.

    Args:
        path: ROOT file to write.
        events: number of events.
        data: no genWeight, PSWeight and GenPart.
        truth: write GenPart with one merged hadronic top on each leading jet.
        constituents: write PFCands and FatJetPFCands, three for each jet.
        drop: columns left out, by branch name (`MET_pt`) or collection (`PSWeight`).
        tree: its name.
        run: run number.
        seed: of the random numbers.
        spoil: branch of the fat jets that gets a NaN.
        generator_jets: write GenJetAK8 and the match of each fat jet: by its position in the event
            a good one, one that is too far away, and one that the file does not keep.
        rho: branch of the pT density, with the event's number in it.
        raw: jets have an area of 2 and a rawFactor of a thousandth of their pT.
        theory: further branches of weights (LHEScaleWeight...) with their number of entries.
        copies: the same events so many times, in clusters of their own.
        bits: branches of booleans with the part of the events in which they are true.
    """
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, events)
    n = int(counts.sum())

    def jagged(values: np.ndarray, number: np.ndarray = counts) -> ak.Array:
        return ak.unflatten(values, number)

    pt = ak.sort(jagged(rng.uniform(210, 900, n).astype("f4")), axis=1, ascending=False)
    fatjet = {
        "pt": pt,
        "eta": jagged(rng.uniform(-2, 2, n).astype("f4")),
        "phi": jagged(rng.uniform(-3, 3, n).astype("f4")),
        "mass": jagged(rng.uniform(20, 200, n).astype("f4")),
        "msoftdrop": jagged(rng.uniform(10, 190, n).astype("f4")),
        "tau1": jagged(rng.uniform(0.2, 0.4, n).astype("f4")),
        "tau2": jagged(rng.uniform(0.05, 0.2, n).astype("f4")),
        "tau3": jagged(rng.uniform(0.0, 0.05, n).astype("f4")),
    }
    columns: dict[str, ak.Array | np.ndarray] = {
        "run": np.full(events, run, "u4"),
        "luminosityBlock": np.ones(events, "u4"),
        "event": np.arange(1, events + 1, dtype="u8"),
        "MET_pt": rng.uniform(0, 100, events).astype("f4"),
        "MET_phi": rng.uniform(-3, 3, events).astype("f4"),
    }
    if constituents:
        fatjet["nConstituents"] = jagged(np.full(n, 3, "i4"))
        index = ak.flatten(ak.local_index(pt), axis=1)
        triple = counts * 3
        columns["FatJetPFCands"] = ak.zip(
            {
                "jetIdx": jagged(np.repeat(ak.to_numpy(index), 3).astype("i4"), triple),
                "pFCandsIdx": ak.values_astype(
                    ak.local_index(jagged(np.zeros(3 * n), triple)), "int32"
                ),
            }
        )
        spread = np.tile(np.array([0.0, 0.2, -0.3], "f4"), n)
        columns["PFCands"] = ak.zip(
            {
                "pt": jagged(np.repeat(ak.to_numpy(ak.flatten(pt)) / 3, 3), triple),
                "eta": jagged(
                    np.repeat(ak.to_numpy(ak.flatten(fatjet["eta"])), 3) + spread, triple
                ),
                "phi": jagged(
                    np.repeat(ak.to_numpy(ak.flatten(fatjet["phi"])), 3) + spread, triple
                ),
                "mass": jagged(np.full(3 * n, 0.14, "f4"), triple),
                "charge": jagged(np.tile(np.array([1, -1, 0], "i4"), n), triple),
                "pdgId": jagged(np.tile(np.array([211, -211, 22], "i4"), n), triple),
            }
        )
    if generator_jets:
        position = ak.local_index(pt)
        fatjet["genJetAK8Idx"] = ak.values_astype(position, "int16")
        away = ak.where(position == 1, 0.5, 0.1)
        columns["GenJetAK8"] = ak.zip(
            {
                "pt": ak.values_astype(pt * 1.1, "float32"),
                "eta": ak.values_astype(fatjet["eta"] + away, "float32"),
                "phi": fatjet["phi"],
                "mass": ak.values_astype(fatjet["mass"] * 0.9, "float32"),
            }
        )[:, :2]
    if raw:
        fatjet["area"] = ak.values_astype(ak.full_like(pt, 2.0), "float32")
        fatjet["rawFactor"] = ak.values_astype(pt / 1000, "float32")
    if rho is not None:
        columns[rho] = columns["event"].astype("f4")
    if spoil is not None:
        name = spoil.removeprefix("FatJet_")
        values = ak.to_numpy(ak.flatten(fatjet[name])).copy()
        values[n // 2] = np.nan
        fatjet[name] = jagged(values)
    columns["FatJet"] = ak.zip(fatjet)
    if not data:
        columns["genWeight"] = rng.choice([1.0, 1.0, -0.5], events).astype("f4")
        columns["PSWeight"] = rng.uniform(0.9, 1.1, (events, 4)).astype("f4")
        for name, count in (theory or {}).items():
            columns[name] = rng.uniform(0.9, 1.1, (events, count)).astype("f4")
        if truth:
            lead = pt[:, :1]
            number = 4 * ak.num(lead)
            repeat = {k: ak.flatten(fatjet[k][:, :1]) for k in ("eta", "phi")}
            many = len(repeat["eta"])
            columns["GenPart"] = ak.zip(
                {
                    "pt": jagged(np.full(4 * many, 300.0, "f4"), number),
                    "eta": jagged(np.repeat(ak.to_numpy(repeat["eta"]), 4), number),
                    "phi": jagged(np.repeat(ak.to_numpy(repeat["phi"]), 4), number),
                    "mass": jagged(np.zeros(4 * many, "f4"), number),
                    # A top, its W, and the W's quarks.
                    "pdgId": jagged(np.tile(np.array([6, 24, 2, -1], "i4"), many), number),
                    "status": jagged(np.tile(np.array([62, 22, 23, 23], "i4"), many), number),
                    "statusFlags": jagged(np.full(4 * many, 1 << 13 | 1 << 7, "i4"), number),
                    "genPartIdxMother": jagged(
                        np.tile(np.array([-1, 0, 1, 1], "i4"), many), number
                    ),
                }
            )
    for name, part in (bits or {}).items():
        columns[name] = rng.uniform(size=events) < part
    flat = {}
    for name, values in columns.items():
        if name in drop:
            continue
        if isinstance(values, ak.Array) and values.fields:
            kept = [f for f in values.fields if f"{name}_{f}" not in drop]
            flat[name] = values[kept]
        else:
            flat[name] = values
    for name in {"PSWeight", *(theory or {})} & flat.keys():
        flat[name] = ak.from_regular(ak.Array(flat[name]))
    return write_tree(path, flat, tree, copies=copies if events else 0)


def write_tree(
    path: Path, columns: dict[str, ak.Array | np.ndarray], tree: str = "Events", *, copies: int = 1
) -> Path:
    """A TTree as NanoAOD has it: lists have a counter, records become branches NAME_FIELD.

    Args:
        path: ROOT file to write.
        columns: values of all events.
        tree: its name.
        copies: the same events so many times, in clusters of their own.
    """
    types = {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in columns.items()}
    types = {k: t.content if isinstance(t, ak.types.ArrayType) else t for k, t in types.items()}
    with uproot.recreate(path) as file:
        writer = file.mktree(
            tree,
            types,
            counter_name=lambda counted: "n" + counted,
            field_name=lambda outer, inner: inner if outer == "" else f"{outer}_{inner}",
        )
        for _ in range(copies):
            writer.extend(columns)
    return path


def columns_of(path: Path, tree: str = "Events") -> dict[str, ak.Array]:
    """What `write_tree` was given."""
    arrays = uproot.open(path)[tree].arrays()
    counted = {name[1:] for name in arrays.fields if name.startswith("n")}
    columns = {}
    for name in arrays.fields:
        collection, _, field = name.partition("_")
        if collection in counted and field:
            columns.setdefault(collection, {})[field] = arrays[name]
        elif not name.startswith("n"):
            columns[name] = arrays[name]
    return {k: ak.zip(v) if isinstance(v, dict) else v for k, v in columns.items()}


def write_rntuple(path: Path, columns: dict[str, ak.Array], *, flat: bool) -> Path:
    """An RNTuple `Events`, with a field for each branch, or for each collection."""
    if flat:
        parts = {}
        for name, values in columns.items():
            if values.fields:
                parts |= {f"{name}_{field}": values[field] for field in values.fields}
            else:
                parts[name] = values
        columns = parts
    with uproot.recreate(path) as file:
        file["Events"] = columns
    return path


def as_version(columns: dict[str, ak.Array], version: str) -> dict[str, ak.Array]:
    """The columns of `write_nano` with the names and types of a version of NanoAOD.

    v12: small integers for indices and bits, Rho_...; v15: other names for MET and constituents,
    which have no charge, and no FatJet_jetId.
    """
    columns = dict(columns)

    def change(collection: str, **types: str) -> None:
        for name, kind in types.items():
            values = columns[collection]
            columns[collection] = ak.with_field(values, ak.values_astype(values[name], kind), name)

    jet_id = ak.full_like(columns["FatJet"].pt, 6, dtype="i4")
    columns["FatJet"] = ak.with_field(columns["FatJet"], jet_id, "jetId")
    rho = columns["event"]
    if version == "v9":
        change("FatJet", genJetAK8Idx="i4")
        return columns | {"fixedGridRhoFastjetAll": ak.values_astype(rho, "f4")}
    change("GenPart", genPartIdxMother="i2", statusFlags="u2")
    change("FatJet", genJetAK8Idx="i2", jetId="u1", nConstituents="u1")
    columns["Rho_fixedGridRhoFastjetAll"] = ak.values_astype(rho, "f4")
    if version == "v15":
        for name in ("pt", "phi"):
            columns[f"PFMET_{name}"] = columns.pop(f"MET_{name}")
            columns[f"PuppiMET_{name}"] = columns[f"PFMET_{name}"]
        link, candidates = columns.pop("FatJetPFCands"), columns.pop("PFCands")
        columns["FatJetPFCand"] = ak.zip(
            {"jetIdx": ak.values_astype(link.jetIdx, "i2"), "pfCandIdx": link.pFCandsIdx}
        )
        columns["PFCand"] = candidates[["pt", "eta", "phi", "mass", "pdgId"]]
        columns["FatJet"] = columns["FatJet"][[x for x in columns["FatJet"].fields if x != "jetId"]]
    return columns


def write_jets(path: Path, jets: int = 40, *, tree: str = "tree", seed: int = 3) -> Path:
    """A flat tree as that of JetClass (doi:10.5281/zenodo.6619768): a jet an entry, particles."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(3, 8, jets)
    n = int(counts.sum())
    eta, phi = rng.normal(0, 0.2, n), rng.normal(0, 0.2, n)
    pt = rng.uniform(80, 150, n)
    p = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    energy = np.sqrt((p**2).sum(axis=0) + 0.14**2)
    jet = np.repeat(np.arange(jets), counts)
    px, py, pz, e = (np.bincount(jet, x, jets) for x in (*p, energy))
    columns = {
        "jet_pt": np.hypot(px, py).astype("f4"),
        "jet_eta": np.arcsinh(pz / np.hypot(px, py)).astype("f4"),
        "jet_phi": np.arctan2(py, px).astype("f4"),
        "jet_energy": e.astype("f4"),
        "jet_sdmass": rng.uniform(20, 90, jets).astype("f4"),
        "jet_nparticles": counts.astype("f4"),
    }
    values = dict(zip(("px", "py", "pz", "energy"), (*p, energy), strict=True))
    values["charge"] = rng.choice([-1, 0, 1], n)
    columns["part"] = ak.zip(
        {name: ak.unflatten(x.astype("f4"), counts) for name, x in values.items()}
    )
    return write_tree(path, columns, tree)

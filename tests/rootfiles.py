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
    theory: dict[str, int] | None = None,
    copies: int = 1,
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
        theory: further branches of weights (LHEScaleWeight...) with their number of entries.
        copies: the same events so many times, in clusters of their own.
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
    flat = {}
    for name, values in columns.items():
        if name in drop:
            continue
        if isinstance(values, ak.Array) and values.fields:
            kept = [f for f in values.fields if f"{name}_{f}" not in drop]
            flat[name] = values[kept]
        else:
            flat[name] = values
    types = {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in flat.items()}
    types = {k: t.content if isinstance(t, ak.types.ArrayType) else t for k, t in types.items()}
    for name in {"PSWeight", *(theory or {})} & flat.keys():
        flat[name] = ak.from_regular(ak.Array(flat[name]))
        types[name] = flat[name].type.content
    with uproot.recreate(path) as file:
        writer = file.mktree(
            tree,
            types,
            counter_name=lambda counted: "n" + counted,
            field_name=lambda outer, inner: inner if outer == "" else f"{outer}_{inner}",
        )
        for _ in range(copies if events else 0):
            writer.extend(flat)
    return path

"""Small, realistic select and score files without any simulation: Gaussian peaks and scores."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np

from boostflow.io import write_json, write_parquet

SAMPLES = ("top", "w", "z", "quark", "gluon")
XSEC = {"top": 0.25, "w": 0.02, "z": 0.01, "quark": 2.0, "gluon": 5.0}
"""Cross-sections (pb); the top one larger than in nature, for a fit with some power."""
PEAK = {"top": (173.0, 14.0), "w": (81.0, 7.0), "z": (91.0, 7.0)}
SPLIT = (50, 15, 35)


def sample(
    name: str, events: int, seed: int, shift: float = 1.0, negative: float = 0.0
) -> dict[str, np.ndarray]:
    """Selected jets of one sample, two per event.

    Args:
        name: one of `SAMPLES`.
        events: number of events.
        seed: of the random numbers.
        shift: factor on masses and pT (a jet energy scale).
        negative: part of the events with weight -1.
    """
    rng = np.random.default_rng([seed, SAMPLES.index(name)])
    event_id = np.repeat(rng.integers(1, 2**62, events, dtype=np.uint64), 2)
    jets = 2 * events
    if name in PEAK:
        mass = rng.normal(*PEAK[name], jets)
    else:
        mass = 20 + rng.exponential(45 if name == "quark" else 60, jets)
    mass = np.clip(mass, 11, 299)
    split = np.searchsorted(np.cumsum(SPLIT), event_id % 100, side="right").astype(np.int8)
    gen = np.repeat(np.where(rng.random(events) < negative, -1.0, 1.0), 2)
    weight = np.zeros(jets)
    for part in range(3):
        mine = split == part
        weight[mine] = gen[mine] * XSEC[name] * 1000 / max(gen[mine][::2].sum(), 1)
    isr = np.repeat(rng.normal(1.05, 0.02, events), 2)
    f4 = np.float32
    return {
        "event_id": event_id,
        "jet_index": np.tile(np.array([0, 1], dtype=np.int16), events),
        "pt": (rng.uniform(800, 1200, jets) * shift).astype(f4),
        "mass": (mass * rng.normal(1.05, 0.03, jets) * shift).astype(f4),
        "msoftdrop": (mass * shift).astype(f4),
        "tau21": rng.uniform(0.1, 0.9, jets).astype(f4),
        "multiplicity": rng.poisson(60 if name == "gluon" else 40, jets).astype(f4),
        "label": np.where(rng.random(jets) < 0.03, "unmatched", name),
        "genWeight": gen.astype(f4),
        "weight_isr_up": isr.astype(f4),
        "weight_isr_down": (2 - isr).astype(f4),
        "split": split,
        "weight": weight,
        "candidate": np.tile([True, False], events),
    }


def classifier(samples: dict[str, dict[str, np.ndarray]], seed: int = 7) -> dict[str, np.ndarray]:
    """A score table of a five-class classifier of AUC around 0.93."""
    rng = np.random.default_rng(seed)
    parts = []
    for name, jets in samples.items():
        size = len(jets["mass"])
        logit = rng.normal(0, 1, (size, len(SAMPLES)))
        logit[:, SAMPLES.index(name)] += 1.6
        logit[:, 0] += 2.0 * np.exp(-0.5 * ((jets["msoftdrop"] - 173) / 20) ** 2) - 1.0
        p = np.exp(logit)
        p /= p.sum(axis=1, keepdims=True)
        columns = {f"p_{c}": p[:, SAMPLES.index(c)].astype(np.float32) for c in sorted(SAMPLES)}
        parts.append(_keys(name, jets) | columns)
    return _joined(parts)


def clusterer(samples: dict[str, dict[str, np.ndarray]], seed: int = 8) -> dict[str, np.ndarray]:
    """A score table of three clusters in a 3-dimensional embedding; QCD jets are not scored."""
    rng = np.random.default_rng(seed)
    centre = {"w": 1, "z": 2, "top": 0}
    centroids = np.array([[0, 0, 3.0], [0, 0.9, 0], [0.9, 0, 0]])
    parts = []
    for name, jets in samples.items():
        size = len(jets["mass"])
        embedding = centroids[centre.get(name, 0)] + rng.normal(0, 1, (size, 3))
        distance = ((embedding[:, None] - centroids) ** 2).sum(axis=2)
        cluster = distance.argmin(axis=1).astype(np.int16)
        if name not in centre:
            embedding[:], distance[:], cluster[:] = np.nan, np.nan, -1
        columns = {"cluster": cluster, "mass_bin": (jets["mass"] / 10.53).astype(np.int16)}
        columns |= {f"dist_{k}": distance[:, k].astype(np.float32) for k in range(3)}
        columns |= {f"emb_{k}": embedding[:, k].astype(np.float32) for k in range(3)}
        parts.append(_keys(name, jets) | columns)
    return _joined(parts)


def _keys(name: str, jets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "sample": np.full(len(jets["event_id"]), name),
        "event_id": jets["event_id"],
        "jet_index": jets["jet_index"],
    }


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def write_table(path: Path, table: dict[str, np.ndarray]) -> None:
    """Write columns as the stages do; strings become strings."""
    columns = {
        key: ak.Array(value.tolist()) if value.dtype.kind == "U" else value
        for key, value in table.items()
    }
    write_parquet(path, ak.zip(columns, depth_limit=1))


def write_run(
    folder: Path, events: int = 600, seed: int = 1, shift: float = 1.0, variation: str = "nominal"
) -> dict[str, dict[str, np.ndarray]]:
    """Select files, cutflows, metrics and scores of `bdt` and `ucluster` below a folder."""
    samples = {
        name: sample(name, events, seed, shift, 0.1 if name == "top" else 0.0) for name in SAMPLES
    }
    for name, jets in samples.items():
        write_table(folder / f"select/{variation}/{name}.parquet", jets)
        expected = XSEC[name] * 1000
        write_json(
            folder / f"select/{variation}/{name}.json",
            {
                "sample": name,
                "variation": variation,
                "cutflow": [
                    {
                        "name": cut,
                        "events": int(events * part),
                        "sumw": events * part,
                        "expected": expected * part,
                    }
                    for cut, part in (("all", 1.0), ("fat jet", 0.9), ("HT", 0.7), ("MET", 0.65))
                ],
                "jets": {"train": events, "validation": 300, "test": 700},
                "features": {"constituents": True, "truth": True, "genWeight": True},
                "notes": [],
            },
        )
    write_table(folder / f"scores/bdt/{variation}.parquet", classifier(samples))
    write_table(folder / f"scores/ucluster/{variation}.parquet", clusterer(samples))
    if variation == "nominal":
        for model in ("bdt", "ucluster"):
            write_json(folder / f"models/{model}/nominal/manifest.json", {"kind": model})
        rounds = np.arange(40)
        write_json(
            folder / "models/bdt/nominal/metrics.json",
            {
                "history": {
                    "train_mlogloss": (0.6 + np.exp(-rounds / 8)).tolist(),
                    "validation_mlogloss": (0.7 + 0.9 * np.exp(-rounds / 8)).tolist(),
                },
                "importance": {"msoftdrop": 40.0, "tau21": 12.0, "multiplicity": 20.5, "pt": 1.5},
            },
        )
        write_json(
            folder / "models/ucluster/nominal/metrics.json",
            {
                "history": {
                    "train_loss": (2 * np.exp(-rounds / 9)).tolist(),
                    "validation_loss": (2.1 * np.exp(-rounds / 9)).tolist(),
                    "cluster_accuracy": [None] * 10 + (0.7 - 3 / rounds[10:]).tolist(),
                }
            },
        )
    return samples

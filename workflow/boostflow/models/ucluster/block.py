"""The configuration of the graph network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from boostflow.config.base import Name, Range
from boostflow.config.problems import Place, Problem
from boostflow.config.samples import is_data
from boostflow.models.family import DistributedBlock, Reads, Role, Score, Task, Unit

if TYPE_CHECKING:
    from boostflow.config.config import Config

PACKING = ("unit", "mass", "views", "constituents", "neighbours")
"""Keys that decide what the packed jets contain."""

PRESETS: dict[str, dict[str, object]] = {
    "default": {},
    "paper": {
        "views": ["mass"],
        "binning": "linear",
        "bins": 20,
        "standardise": False,
        "local_pt": False,
        "neighbours": 10,
        "regraph": True,
        "attention": [16, 128],
        "hidden": [[64, 128], [256, 256]],
        "embedding": 3,
        "mass_channels": 0,
        "head": [256, 128],
        "batch_norm": True,
        "embedding_relu": True,
        "focal_gamma": 4.0,
        "pretext_weight": 10.0,
        "cluster_loss": "kmeans",
        "cluster_weight": 1.0,
        "alpha": [2.0, 2.0],
        "epochs": [11, 19],
        "batch": 512,
        "learning_rate": 1e-3,
        "learning_rate_halving": 500_000,
    },
}
"""Settings behind `preset`: the published model (docs/ucluster.md lists the deviations)."""
PRESETS["paper_log"] = PRESETS["paper"] | {
    "cluster_weight": 10.0,
    "alpha": [10.0, 10.0],
    "epochs": [20, 20],
}


class UCluster(DistributedBlock):
    """The graph network UCluster (Mikuni & Canelli, arXiv:2010.07106), trained with Horovod."""

    kind: Literal["ucluster"] = "ucluster"
    preset: Literal["default", "paper", "paper_log"] = "default"
    """paper: the published model; paper_log: with the settings of its authors' best log. Keys given
    beside a preset win."""
    unit: Literal["jet", "event"] = "jet"
    """What is clustered: each jet, or each event by its two leading jets together (anomaly
    detection: `evaluate.anomaly` says what should be found)."""
    samples: list[Name] = Field(["w", "z", "top"], min_length=1)
    """Samples that are clustered; their class labels are used only to judge the result."""
    mass: Range = [10.0, 200.0]
    """Window of the jet mass in training and in the judgement (GeV)."""
    clusters: int = Field(3, ge=2, le=50)
    """Number of clusters."""
    seed: int = Field(1, ge=0)
    """Seed of the initial weights, the shuffling and k-means."""

    views: list[Literal["mass", "msoftdrop", "mtrimmed"]] = Field(
        ["mass", "msoftdrop", "mtrimmed"], min_length=1, max_length=3
    )
    """Masses whose bin the network learns to predict, the labels of the pretext task."""
    binning: Literal["quantile", "linear"] = "quantile"
    """Mass bins of equal population, or of equal width between 0 and the end of the window."""
    bins: int = Field(30, ge=2, le=200)
    """Number of mass bins; linear: of edges, as in the published `linspace(0, 200, 20)`."""

    constituents: int = Field(100, ge=1, le=1000)
    """Constituents of a jet that are read, by falling pT."""
    standardise: bool = True
    """Scale the particle features to mean 0 and standard deviation 1."""
    local_pt: bool = True
    """Adds to the eight published features the pT around each particle (within 0.2), relative to
    the jet's."""
    neighbours: int = Field(6, ge=2, le=64)
    """Neighbours of a particle in the graph, itself included."""
    regraph: bool = False
    """Look for the neighbours of the second attention block in the space of its features (slower);
    false keeps those in (eta, phi)."""
    attention: list[int] = Field([16, 16], min_length=2, max_length=2)
    """Widths of the two attention blocks."""
    hidden: list[list[int]] = Field([[32], [32]], min_length=2, max_length=2)
    """Widths of the layers behind each attention block."""
    mass_channels: int = Field(8, ge=0, le=64)
    """Masses of the jet with weights that the network learns for each particle (learned grooming);
    0: none."""
    embedding: int = Field(8, ge=1, le=64)
    """Dimension of the embedding space."""
    embedding_relu: bool = False
    """A ReLU on each particle's contribution to the embedding, as published."""
    head: list[int] = Field([64], max_length=4)
    """Widths of the layers between the embedding and the mass bins."""
    batch_norm: bool = False
    """Batch normalisation, over the jets of all processes, before each ReLU."""

    focal_gamma: float = Field(0.0, ge=0)
    """Exponent of the focal loss of the pretext task; 0 is cross-entropy."""
    pretext_weight: float = Field(1.0, ge=0)
    """Weight of the pretext loss."""
    cluster_loss: Literal["kmeans", "mixture"] = "mixture"
    """kmeans: the published loss. mixture: each cluster has a distribution of each view's bins, and
    the network learns the jets' posterior in that mixture (docs/ucluster.md)."""
    cluster_weight: float = Field(3.0, ge=0)
    """Weight of the clustering loss."""
    alpha: list[float] = Field([1.0, 0.1], min_length=2, max_length=2)
    """Inverse temperature of the cluster assignment in the first joint epoch, and what each further
    epoch adds."""
    restarts: int = Field(10, ge=1)
    """Starts of k-means (and of the mixture), of which the best one is kept."""

    epochs: list[int] = Field([4, 14], min_length=2, max_length=2)
    """Epochs of pre-training, and of joint training."""
    batch: int = Field(256, ge=2)
    """Jets in a step, of all processes together."""
    learning_rate: float = Field(4e-3, gt=0)
    """Learning rate of Adam in the first step."""
    learning_rate_halving: int | None = Field(None, ge=1)
    """The learning rate is halved each time this many jets have been seen; null: four times in the
    course of the training, whatever the number of jets."""
    learning_rate_min: float = Field(1e-5, ge=0)
    """The learning rate does not fall below."""

    @model_validator(mode="before")
    @classmethod
    def fill_preset(cls, data: object) -> object:
        """Keys that are not given come from the preset."""
        if isinstance(data, dict):
            preset = data.get("preset")
            if isinstance(preset, str) and preset in PRESETS:
                return PRESETS[preset] | data
        return data

    @model_validator(mode="after")
    def is_possible(self) -> UCluster:
        """Combinations that cannot work."""
        if self.cluster_loss == "mixture" and len(set(self.views)) < 2:
            raise ValueError(
                "cluster_loss: mixture needs two different views: [mass, msoftdrop]; with one, use"
                " kmeans"
            )
        sizes = [*self.attention, *self.head, *(w for part in self.hidden for w in part)]
        if min(sizes) < 1 or not all(self.hidden):
            raise ValueError("attention, hidden, head: every width must be at least 1")
        if self.epochs[0] < 1 or self.epochs[1] < 1:
            raise ValueError(f"epochs: {self.epochs}: both must be at least 1")
        if self.alpha[0] <= 0 or self.alpha[1] < 0:
            raise ValueError(f"alpha: {self.alpha}: must start above 0 and not fall")
        return self

    def task(self) -> Task:
        """No label is used."""
        return Task.CLUSTER

    def scored_unit(self) -> Unit:
        """Jets or events have a score, as the key `unit` says."""
        return self.unit

    def reads(self) -> Reads:
        """Constituents of the jets that are clustered."""
        return Reads(samples=tuple(self.samples), constituents=True)

    def scores(self, classes: Sequence[str]) -> list[Score]:
        """The cluster, the mass bin, squared distances to the centroids, and the embedding."""
        distances = (
            Score(f"dist_{k}", Role.DISTANCE, f"distance to cluster {k}")
            for k in range(self.clusters)
        )
        embedding = (
            Score(f"emb_{i}", Role.EMBEDDING, f"embedding {i}") for i in range(self.embedding)
        )
        return [
            Score("cluster", Role.CLUSTER, "cluster"),
            Score("mass_bin", Role.VALUE, "mass bin"),
            *distances,
            *embedding,
        ]

    def own_plots(self) -> Sequence[str]:
        """What the network sees is drawn for single jets, not for events."""
        return super().own_plots() if self.unit == "jet" else ()

    def prepared(self) -> dict[str, Any]:
        """What decides which jets a model trains on, and how they are packed: part of its block."""
        block = self.model_dump(mode="json", include={"kind", "samples", *PACKING})
        # Goes with any number of views; what is packed does not depend on it.
        return block | {"cluster_loss": "kmeans"}

    def window(self) -> tuple[float, float]:
        """The jets that are clustered."""
        return (self.mass[0], self.mass[1])

    def problems(self, at: Place, config: Config) -> Iterable[Problem]:
        """The samples exist and are simulated; of a clustering of events some are the anomaly."""
        for name in self.samples:
            if name not in config.samples:
                yield (at / "samples").unknown("sample", name, config.samples)
            elif is_data(config.samples[name]):
                yield (at / "samples").problem(
                    f"{name} is collision data (`data: true`): what is trained on is shown, and"
                    " judged by classes, which data have not"
                )

"""UCluster outside TensorFlow: the ONNX graph, the Keras file, and scores from ONNX Runtime."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import onnx
import onnxruntime
import pytest

from boostflow.errors import BoostflowError
from boostflow.models.ucluster import explain, export, features, scoring
from boostflow.models.ucluster.batch import gather, jets_in, views
from boostflow.models.ucluster.block import UCluster
from boostflow.training import checkpoint
from support.ucluster_jets import jets

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402

from boostflow.models.ucluster import losses, saved  # noqa: E402
from boostflow.models.ucluster.clusters import Clusters  # noqa: E402
from boostflow.models.ucluster.network import Network, graph  # noqa: E402
from boostflow.training.ranks import Single  # noqa: E402

KINDS = {
    "default": UCluster(),
    "paper": UCluster(preset="paper"),
    "paper_log": UCluster(preset="paper_log"),
    "everything": UCluster(batch_norm=True, regraph=True, embedding_relu=True, head=[]),
}
BINS = [7, 5, 6]


class Example:
    """A network with random weights and averages, its jets, its files and TensorFlow's answers."""

    def __init__(self, config: UCluster, folder: Path) -> None:
        self.config, self.folder = config, folder
        names = views(config.unit, config.views)
        bins = (2 * BINS)[: len(names)]
        keras.utils.set_random_seed(1)
        self.network, self.clusters = Network(config, bins, Single()), Clusters(config, bins)
        rng = np.random.default_rng(1)
        variables = [*self.network.variables, *self.clusters.variables]
        for v in variables:
            positive = any(name in v.path for name in ("variance", "std"))
            noise = rng.uniform(0.2, 1, v.shape) if positive else rng.normal(0, 0.1, v.shape)
            v.assign(noise if positive else v.numpy() + noise)
        # Large jets beside ones with fewer constituents than neighbours; the last has a single one.
        last = jets("z", 1, 3)
        for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass"):
            last = ak.with_field(last, last[name][:, :1], name)
        self.jets = ak.concatenate([jets("top", 6, 1, (20, 40)), jets("w", 8, 2, (2, 12)), last])
        even = self.jets[:14] if config.unit == "event" else self.jets
        self.packed = features.layout(100, config.neighbours).pack(even, "toy")
        # Centroids amid the jets, so that more than one cluster has some.
        units = [0, 7, 14] if config.unit == "jet" else [0, 3, 6]
        near = self.tensorflow(units)["embedding"]
        self.clusters.centroids.assign(near + rng.normal(0, 0.1, near.shape))
        self.header = {
            "config": config.model_dump(mode="json"),
            "features": list(features.FEATURES[: features.used(config.local_pt)]),
            "bins": bins,
        }
        self.arrays = checkpoint.arrays_of(variables)
        for view, n in zip(names, bins, strict=True):
            self.arrays[f"edges_{view}"] = np.linspace(20, 180, n - 1)
        checkpoint.write(folder / checkpoint.MODEL, self.header, self.arrays)
        export.write(folder / export.ONNX, self.header, self.arrays)
        saved.write(folder / saved.KERAS, self.network, self.clusters)
        self.session = onnxruntime.InferenceSession(folder / export.ONNX)

    def tensorflow(self, rows: list[int]) -> dict[str, np.ndarray]:
        inputs = graph(gather(self.packed, np.array(rows), jets_in(self.config.unit)))
        embedding, logits = self.network(inputs, training=False)
        distances = losses.squared_distances(embedding, self.clusters.centroids)
        result = {"embedding": embedding, "distances": distances}
        result |= {
            f"logits_{v}": z
            for v, z in zip(views(self.config.unit, self.config.views), logits, strict=True)
        }
        return {name: value.numpy() for name, value in result.items()}

    def onnx(self, rows: list[int]) -> dict[str, np.ndarray]:
        names = [o.name for o in self.session.get_outputs()]
        batch = gather(self.packed, np.array(rows))
        return dict(zip(names, scoring.run(self.session, batch, names), strict=True))


@pytest.fixture(scope="module", params=KINDS)
def example(request, tmp_path_factory) -> Example:
    return Example(KINDS[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> Example:
    return Example(KINDS["default"], tmp_path_factory.mktemp("model"))


def assert_close(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


def test_onnx_is_the_network(example):
    everyone = list(range(len(example.packed)))
    wanted = example.tensorflow(everyone)
    assert np.ptp(wanted["embedding"], axis=0).max() > 0.1  # the jets differ
    assert_close(example.onnx(everyone), wanted)


@pytest.mark.parametrize("row", [0, 7, 14])
def test_a_jet_alone_is_the_jet_in_a_batch(example, row):
    alone, together = example.onnx([row]), example.onnx(list(range(len(example.packed))))
    names = [name for name in alone if name not in (export.ATTENTION, export.CHANNELS)]
    assert_close(alone, {name: together[name][[row]] for name in names})
    assert_close(alone, example.tensorflow([row]))


def test_the_keras_file_is_the_network(example):
    model = keras.models.load_model(example.folder / saved.KERAS)
    batch = gather(example.packed, np.arange(len(example.packed)))
    found = model({name: getattr(batch, name) for name in export.INPUTS})
    wanted = example.tensorflow(list(range(len(example.packed))))
    assert set(found) == set(wanted)
    assert_close(found, wanted)


def test_weights_of_particles_are_weights(example):
    found = example.onnx(list(range(len(example.packed))))
    attention = found[export.ATTENTION]
    assert attention.shape == example.packed.neighbours.shape
    np.testing.assert_allclose(attention.sum(1), 1, atol=1e-5)
    assert attention.min() >= 0 and np.ptp(attention) > 0.01
    assert (export.CHANNELS in found) == (example.config.mass_channels > 0)
    if example.config.mass_channels:
        weight = found[export.CHANNELS]
        assert weight.shape == (len(example.packed.features), example.config.mass_channels)
        assert 0 <= weight.min() < 0.5 < weight.max() <= 1


def test_the_file_says_what_it_is(default):
    model = onnx.load(default.folder / export.ONNX)
    onnx.checker.check_model(model, full_check=True)
    about = {p.key: json.loads(p.value) for p in model.metadata_props}
    assert UCluster.model_validate(about["config"]) == default.config
    assert about["features"] == list(features.FEATURES)
    np.testing.assert_allclose(about["edges_mass"], np.linspace(20, 180, BINS[0] - 1))
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes["features"] == ["P", 9] and shapes["counts"] == ["jets"]
    assert shapes["logits_msoftdrop"] == ["B", BINS[1]]


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_events_are_what_the_network_makes_of_them(preset, tmp_path):
    """Seven events of two jets each, and a lonely jet that cannot be scored."""
    example = Example(
        UCluster(
            preset=preset, unit="event", views=["mass", "mtrimmed"][: 1 if preset == "paper" else 2]
        ),
        tmp_path,
    )
    ids = np.repeat(np.arange(8), 2)[:15]
    rows = ak.with_field(example.jets, ids, "event_id")
    columns = scoring.score(tmp_path, rows, 1)
    assert (columns["cluster"][:14:2] == columns["cluster"][1:14:2]).all()
    assert columns["cluster"][14] == -1 and np.isnan(columns["dist_0"][14])
    mass, pairs = np.asarray(rows.mass), np.arange(14).reshape(7, 2)
    heavier = np.where(mass[pairs[:, :1]] < mass[pairs[:, 1:]], pairs[:, ::-1], pairs)
    packed = features.layout(100, example.config.neighbours).pack(rows[heavier.ravel()], "toy")
    inputs = graph(gather(packed, np.arange(7), jets=2))
    wanted = example.network(inputs, training=False)[0].numpy()
    found = np.stack([columns[f"emb_{i}"] for i in range(wanted.shape[1])], axis=1)
    np.testing.assert_allclose(found[:14:2], wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found[:14:2], found[1:14:2])


def test_the_same_weights_make_the_same_file(default):
    again = default.folder / "again.onnx"
    export.write(again, default.header, default.arrays)
    assert again.read_bytes() == (default.folder / export.ONNX).read_bytes()


def test_scores_are_those_of_the_network(example):
    columns = scoring.score(example.folder, example.jets, 1)
    wanted = example.tensorflow(list(range(len(example.packed))))
    for k in range(example.config.clusters):
        np.testing.assert_allclose(columns[f"dist_{k}"], wanted["distances"][:, k], 1e-4, 1e-4)
    assert (columns["cluster"] == wanted["distances"].argmin(1)).all()
    assert (columns["mass_bin"] == wanted["logits_mass"].argmax(1)).all()
    two = scoring.score(example.folder, example.jets, 2)
    np.testing.assert_allclose(two["emb_0"], columns["emb_0"], rtol=1e-5, atol=1e-6)


def test_scoring_does_not_import_tensorflow(default):
    ak.to_parquet(default.jets, default.folder / "jets.parquet")
    code = (
        "import sys, pathlib, awkward; from boostflow.models.ucluster.scoring import score\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "score(here, awkward.from_parquet(here / 'jets.parquet'), 1)\n"
        "print({'tensorflow', 'keras', 'horovod'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(default.folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "set()"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("kernel", r"jet/kernel is missing, not \(104, 64\)"),
        ("shape", r"clusters/centroids is of shape \(2, 8\), not \(3, 8\)"),
        ("header", r"not a trained UCluster, it has no 'bins'"),
        ("settings", r"train it again: neighbours"),
    ],
)
def test_a_model_that_does_not_fit_is_named(default, tmp_path, damage, message):
    header, arrays = json.loads(json.dumps(default.header)), dict(default.arrays)
    if damage == "kernel":
        del arrays["jet/kernel"]
    elif damage == "shape":
        arrays["clusters/centroids"] = arrays["clusters/centroids"][:2]
    elif damage == "header":
        del header["bins"]
    else:
        header["config"]["neighbours"] = 0
    checkpoint.write(tmp_path / checkpoint.MODEL, header, arrays)
    with pytest.raises(BoostflowError, match=r"model\.npz: .*" + message) as caught:
        scoring.score(tmp_path, default.jets, 1)
    assert "\n" not in str(caught.value)


def test_an_explained_jet_is_what_the_network_computes(example):
    explained = explain.explain(example.folder, example.jets)
    together = example.onnx(list(range(len(example.packed))))
    first = 0
    for jet, rows in zip(explained, example.jets, strict=True):
        n = len(jet.pt)
        here = slice(first, first + n)
        np.testing.assert_allclose(jet.pt, ak.sort(rows.pf_pt, ascending=False), rtol=1e-4)
        np.testing.assert_allclose(jet.attention, together[export.ATTENTION][here], atol=1e-4)
        if example.config.mass_channels:
            np.testing.assert_allclose(jet.weights, together[export.CHANNELS][here], atol=1e-4)
        # Masses of massless particles, each with its weight, in plain four-momenta.
        for weight, mass in (
            (np.ones(n), jet.mass),
            *zip(jet.weights.T, jet.channel_masses, strict=True),
        ):
            pt, eta, phi = weight * jet.pt.astype(float), jet.eta, jet.phi
            e, z = (pt * np.cosh(eta)).sum(), (pt * np.sinh(eta)).sum()
            square = e**2 - z**2 - (pt * np.cos(phi)).sum() ** 2 - (pt * np.sin(phi)).sum() ** 2
            assert mass == pytest.approx(np.sqrt(max(square, 0)), rel=5e-3, abs=0.1)
        first += n
    assert first == len(example.packed.features)


def test_the_most_selective_channel_is_the_one_that_varies():
    def jet(pt: list[float], weights: list[list[float]]) -> explain.Explanation:
        n = len(pt)
        none = np.zeros(n, np.float32)
        return explain.Explanation(
            none,
            none,
            np.array(pt),
            np.zeros((n, 2), int),
            np.ones((n, 2)),
            np.array(weights),
            1,
            1,
        )

    # The first channel varies for soft particles alone, the last not at all.
    weights = [[1.0, 0.9, 0.2], [1.0, 0.3, 0.2], [0.0, 0.9, 0.2]]
    assert explain.most_selective([jet([500.0, 400.0, 1.0], weights)]) == 1
    assert explain.most_selective([jet([5.0], [[]])]) is None


def test_the_example_of_the_documentation_runs(default, repository, monkeypatch, capsys):
    text = (repository / "docs/ucluster.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(default.folder)
    wanted = scoring.score(default.folder, default.jets, 1)["cluster"]
    assert len(set(wanted)) > 1
    for row, cluster in enumerate(wanted):
        jet = default.jets[row]
        order = ak.argsort(jet.pf_pt, ascending=False)
        columns = [jet[name][order] for name in ("pf_pt", "pf_eta", "pf_phi", "pf_mass")]
        np.save("constituents.npy", np.array(columns, float))
        np.save("jet.npy", [float(jet[name]) for name in ("pt", "eta", "phi", "mass")])
        scope: dict = {}
        exec(code, scope)
        assert capsys.readouterr().out == f"cluster {cluster}\n"
        wanted_here = [default.tensorflow([row])["distances"][0]]
        np.testing.assert_allclose(scope["found"][0], wanted_here, rtol=1e-3, atol=1e-3)

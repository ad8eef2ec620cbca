"""Which class each cluster of a clustering stands for, where regions are made of clusters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from boostflow.errors import BoostflowError
from boostflow.matching import contingency, match
from boostflow.scored import TEST, VALIDATION, Table


def cluster_classes(
    jets: Mapping[str, Table], clusters: Mapping[str, NDArray], model: str
) -> dict[int, str]:
    """Class that each cluster stands for, from the labelled jets of the validation split.

    Alternative samples have test events alone: there all labelled jets count.
    One global Hungarian matching; with more clusters than classes, each further one goes to the
    class with most of its jets.

    Args:
        jets: selected jets by sample, with `label` and `split`.
        clusters: cluster of each of those jets, by sample; negative where there is none.
        model: name of the clustering, for messages.

    Raises:
        BoostflowError: no labelled jet of the validation split is in a cluster.
    """
    keep = {
        sample: _judged(table["split"])
        & (clusters[sample] >= 0)
        & ~np.isin(table["label"], ("", "unmatched"))
        for sample, table in jets.items()
        if "label" in table
    }
    labels = np.concatenate([jets[s]["label"][mine] for s, mine in keep.items()] or [[]])
    found = np.concatenate([clusters[s][mine] for s, mine in keep.items()] or [[]]).astype(int)
    if not len(found):
        raise BoostflowError(
            f"templates.regions: no labelled jet of the validation split is in a cluster of {model}"
        )
    classes, truth = np.unique(labels, return_inverse=True)
    counts = contingency(truth, found, len(classes), int(found.max()) + 1)
    stands_for = match(counts)
    return {
        k: str(classes[stands_for.get(k, int(counts[:, k].argmax()))])
        for k in range(counts.shape[1])
    }


def _judged(split: NDArray) -> NDArray[np.bool_]:
    """The validation split; all jets where there is only a test split."""
    return (split == VALIDATION) | (split == TEST).all()

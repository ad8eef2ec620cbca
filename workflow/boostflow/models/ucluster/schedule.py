"""What changes in the course of a training, as functions of how far it is: no counter to forget."""

from __future__ import annotations

from boostflow.models.ucluster.block import UCluster
from boostflow.training.schedules import Halving

BN_HALVING = 500_000
"""Jets after which the published model halves the distance of its averages' decay from 1."""


def alpha(config: UCluster, epoch: int) -> float:
    """Inverse temperature of the assignment in an epoch; 0 while pre-training (epoch from 0)."""
    joint = epoch - config.epochs[0]
    return 0.0 if joint < 0 else config.alpha[0] + config.alpha[1] * joint


def learning_rate(config: UCluster) -> Halving:
    """The learning rate: halved in steps, above the minimum."""
    return Halving(config.learning_rate, config.learning_rate_min, config.learning_rate_halving)


def bn_momentum(jets: int) -> float:
    """Decay of the running averages of batch normalisation after `jets` training jets."""
    return min(0.99, 1 - 0.5 * 0.5 ** (jets // BN_HALVING))

"""Showers in a sampling calorimeter by the project's own cascade (docs/showers.md)."""

from boostflow.generators.cascade.block import Cascade

BLOCK = Cascade

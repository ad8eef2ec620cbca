"""Columns that are normally distributed, for trying out a configuration of tables."""

from boostflow.generators.normal.block import Normal

BLOCK = Normal

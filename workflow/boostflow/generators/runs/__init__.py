"""Runs of a detector whose data quality is monitored: parameters that drift, jump and fail."""

from boostflow.generators.runs.block import Runs

BLOCK = Runs
"""Configuration of runs whose quality is monitored."""

"""Tracks of electrons, pions, kaons and protons in a TPC and a time-of-flight detector.

block      the settings        response   what detectors are expected to see
generate   the tracks
"""

from boostflow.generators.pid.block import Tracks

BLOCK = Tracks

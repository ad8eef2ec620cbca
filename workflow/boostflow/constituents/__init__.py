"""Constituents of jets as networks read them: without padding, in shards on disk.

collections  what of a jet is read: constituents, tracks, vertices, with features of the latter two
catalogue  features of a particle, with titles and formulas      particles  jets -> their particles
packing    particles -> records, as a layout says                shards     records on disk
trees      the clustering tree of a jet's particles, and their order in it
"""

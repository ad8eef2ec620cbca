"""Constituents of jets as networks read them: without padding, in shards on disk.

catalogue  features of a particle, with titles and formulas      particles  jets -> their particles
packing    particles -> records, as a layout says                shards     records on disk
clustering the trees of jets
"""

"""Showers in a sampling calorimeter: geometry, the project's own cascade, files, shapes.

geometry  materials and cells          shapes    what a shower looks like, in numbers
kernels   the cascade, compiled        files     HDF5 in the layout of CaloGAN
cascade   showers by the cascade
"""

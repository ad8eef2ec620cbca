"""Numbers as few bits: rounding within a bound, and coding integers by their probabilities.

rounding   columns as integers, and back    mixture   probabilities of integers, exactly
entropy    the coder                        kernels   the loops of both
codec      what a family of compressions gives    whole    numbers without loss
"""

"""Generators of tables: a folder for each kind, found by looking through this one.

`base` says what the rest of the code may ask of one, without knowing which it is.
"""

"""Models: a folder for each family, and what they share.

`family` says what the rest of the code may ask of a family, `manifest` writes the record in every
model's folder, `table` makes score tables.
"""

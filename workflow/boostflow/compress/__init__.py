"""Files of jets compressed by a trained model, and back.

container  chunks with checksums            tables   ROOT and Parquet, some rows at a time
run        the commands
"""

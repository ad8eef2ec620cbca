"""The key figures of a run: summary.json, and the same as a table for the terminal."""

"""The key figures of a run: summary.json, the same as a table, and the page of the report."""

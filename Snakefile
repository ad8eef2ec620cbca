# The front door: `snakemake` in this folder runs the default analysis.
include: "workflow/Snakefile"

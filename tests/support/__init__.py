"""What tests share: toy jets, files of every layout, runs of the real Snakemake and SLURM."""

"""What the rules of trainings and of searches share; Snakemake wants no rules beside it."""


def training_resources(family):
    """Memory and time of a training of a family, more with each retry."""
    return {
        "mem_mb": attempt_scaled(4000 if family.distributed else 2000),
        "runtime": attempt_scaled(120 if family.distributed else 60),
    }

# The front door: `snakemake` in this folder runs the default analysis.
include: "workflow/Snakefile"


rule default:
    """The same as `all`: Snakemake takes its default target from this file alone."""
    default_target: True
    input:
        rules.all.input,
    localrule: True
    message:
        "{PLAN}"

"""A look at all input files, before any of them is read."""

from boostflow.jobs.chain import CheckInputs


include: "functions/check.smk"


rule check:
    """Files open, have what is needed, and hold no event twice; what is off, and what is skipped."""
    input:
        ANALYSIS.local_files(),
    output:
        checked=unchecked(),
        check=at(paths.CHECK),
        table=shown(at(paths.CHECK_TABLE), "check", "Summary"),
    log:
        log_of(paths.CHECK),
    benchmark:
        benchmark_of(paths.CHECK)
    group:
        cluster_group("check")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(60),
    params:
        job=job(CheckInputs),
    message:
        "Checking the input files"
    shell:
        logged(CheckInputs)

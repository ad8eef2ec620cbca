"""Generation: rows of tables that boostflow makes itself -> Parquet files."""

from boostflow.jobs.generated import Generate


rule generate:
    """Make one part of one sample of rows; the seed follows from run, variation, sample and part."""
    output:
        sample=at(paths.GENERATED),
    log:
        log_of(paths.GENERATED),
    benchmark:
        benchmark_of(paths.GENERATED)
    priority: by_variation(4, 3)
    group:
        cluster_group("parts")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1500),
        runtime=attempt_scaled(60),
    params:
        job=job(Generate),
    message:
        "Generating {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        logged(Generate)

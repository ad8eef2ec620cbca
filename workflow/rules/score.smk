"""Scores: one table for each model and variation."""

from boostflow.jobs.models import Scoring


include: "functions/score.smk"


rule score:
    """Score the selected jets of all samples."""
    input:
        model=trained_model,
        jets=jets_to_score,
    output:
        scores=at(paths.SCORE),
    log:
        log_of(paths.SCORE),
    benchmark:
        benchmark_of(paths.SCORE)
    group:
        variation_group("nominal")
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=attempt_scaled(3000),
        runtime=attempt_scaled(60),
    params:
        job=job(Scoring),
    message:
        "Scoring with {wildcards.model} ({wildcards.variation})"
    shell:
        logged(Scoring)

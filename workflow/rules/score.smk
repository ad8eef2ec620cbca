"""Scores: one table for each model and variation."""


rule score:
    """Score the selected jets of all samples."""
    input:
        model=score_model,
        jets=score_jets,
    output:
        at(paths.SCORE),
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
        samples=SAMPLES,
    message:
        "Scoring with {wildcards.model} ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/score.py --model {input.model:q} --samples {params.samples}'
        " --input {input.jets:q} --output {output:q} --threads {threads} > {log:q} 2>&1"

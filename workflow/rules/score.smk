"""Scores: one table for each model and variation."""


def score_model(wildcards):
    """The model's directory."""
    return at(paths.MODEL).format(
        model=wildcards.model,
        variation=VARIATIONS.resolve("train", wildcards.variation, model=wildcards.model),
    )


def score_jets(wildcards):
    """The selected jets of all samples."""
    return selected(wildcards.variation)


rule score:
    """Score the selected jets of all samples."""
    input:
        model=score_model,
        jets=score_jets,
    output:
        at(paths.SCORE),
    params:
        samples=SAMPLES,
    log:
        log_of(paths.SCORE),
    benchmark:
        benchmark_of(paths.SCORE)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(3000),
        runtime=attempt_scaled(60),
    message:
        "Scoring with {wildcards.model} ({wildcards.variation})"
    shell:
        "python {SCRIPTS}/score.py --model {input.model:q} --samples {params.samples}"
        " --input {input.jets:q} --output {output:q} > {log:q} 2>&1"

"""Training: one rule for each kind of model. Always on nominal jets."""


def training_jets(wildcards):
    """Selected jets of the samples that the model learns from: those with a class, or its own."""
    block = CONFIG.models[wildcards.model]
    names = getattr(block, "samples", None) or [
        name for name, sample in CONFIG.samples.items() if sample.label
    ]
    return expand_at(paths.SELECT, variation=NOMINAL, sample=names)


def model_block(wildcards):
    """The model's block, with what the variation changes."""
    block = CONFIG.models[wildcards.model]
    if wildcards.variation != NOMINAL:
        variation = VARIATIONS.by_name[wildcards.variation]
        block = varied_model(block, getattr(variation.declared, variation.direction))
    return as_json(block)


def horovod_processes(wildcards):
    """Number of Horovod processes of a model."""
    return CONFIG.models[wildcards.model].processes


rule train_bdt:
    """Train gradient-boosted trees."""
    input:
        training_jets,
    output:
        directory(at(paths.MODEL)),
    wildcard_constraints:
        model=any_of(models_of("bdt")),
    params:
        config=model_block,
    log:
        log_of(paths.MODEL),
    benchmark:
        benchmark_of(paths.MODEL)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    message:
        "Training {wildcards.model} ({wildcards.variation})"
    shell:
        "python {SCRIPTS}/train_bdt.py --input {input:q} --output {output:q}"
        " --config {params.config:q} > {log:q} 2>&1"

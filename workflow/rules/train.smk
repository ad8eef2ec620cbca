"""Training: one rule for each kind of model. Always on nominal jets."""


rule train_bdt:
    """Train gradient-boosted trees."""
    input:
        training_jets,
    output:
        directory(at(paths.MODEL)),
    log:
        log_of(paths.MODEL),
    benchmark:
        benchmark_of(paths.MODEL)
    wildcard_constraints:
        model=any_of(models_of("bdt")),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        config=model_block,
    message:
        "Training {wildcards.model} ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/train_bdt.py --input {input:q} --output {output:q}'
        " --config {params.config:q} > {log:q} 2>&1"


rule pack_ucluster:
    """Pack the jets that UCluster trains on into shards."""
    input:
        packing_jets,
    output:
        directory(at(paths.PACKED)),
    log:
        log_of(paths.PACKED),
    benchmark:
        benchmark_of(paths.PACKED)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(60),
    params:
        config=packing_block,
    message:
        "Packing the jets of UCluster"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/pack_ucluster.py --input {input:q} --output {output:q}'
        " --config {params.config:q} > {log:q} 2>&1"


rule train_ucluster:
    """Train UCluster with Horovod."""
    input:
        packed_jets,
    output:
        directory(at(paths.MODEL)),
    log:
        log_of(paths.MODEL),
    benchmark:
        benchmark_of(paths.MODEL)
    wildcard_constraints:
        model=any_of(models_of("ucluster")),
    conda:
        ENVIRONMENT
    threads: horovod_processes
    resources:
        mem_mb=attempt_scaled(4000),
        runtime=attempt_scaled(120),
    params:
        config=model_block,
        processes=horovod_processes,
        checkpoint=checkpoint_of,
    message:
        "Training {wildcards.model} ({wildcards.variation}) with horovodrun"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/launch_horovod.py --processes {params.processes} --'
        ' python "$BOOSTFLOW_SCRIPTS"/train_ucluster.py --input {input:q} --output {output:q}'
        " --checkpoint {params.checkpoint:q} --config {params.config:q} 2>&1"
        " | tee {log:q} > >(sed -un 's/^.*ucluster: epoch/{wildcards.model}: epoch/p' >&2) || {{"
        " echo 'The training ended early; run again: it resumes from its last epoch.' >> {log:q};"
        " exit 1; }}"

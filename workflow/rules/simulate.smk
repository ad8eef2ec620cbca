"""Simulation: Pythia 8, toy detector, FastJet -> NanoAOD-like ROOT files."""


rule simulate:
    """Generate one part of one sample; the seed follows from run, variation, sample and part."""
    output:
        at(paths.SAMPLE),
    log:
        log_of(paths.SAMPLE),
    benchmark:
        benchmark_of(paths.SAMPLE)
    group:
        cluster_group("parts")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1500),
        runtime=attempt_scaled(60),
    params:
        config=as_json(CONFIG.simulation),
        seed=CONFIG.seed,
        events=simulate_events,
        process=simulate_process,
        settings=simulate_settings,
    message:
        "Simulating {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/simulate.py --sample {wildcards.sample} --part {wildcards.part}'
        " --variation {wildcards.variation} --process {params.process} --events {params.events}"
        " --seed {params.seed} --config {params.config:q} {params.settings:q}"
        " --output {output:q} > {log:q} 2>&1"

"""Simulation: Pythia 8, toy detector, FastJet -> NanoAOD-like ROOT files."""


def simulate_sample(wildcards):
    """The sample's block."""
    return CONFIG.samples[wildcards.sample]


def simulate_events(wildcards):
    """Events of a part."""
    return simulate_sample(wildcards).events


def simulate_process(wildcards):
    """The hard process."""
    return simulate_sample(wildcards).process


def simulate_settings(wildcards):
    """Options with the Pythia settings that a variation changes."""
    if wildcards.variation == NOMINAL:
        return []
    variation = VARIATIONS.by_name[wildcards.variation]
    settings = getattr(variation.declared, variation.direction)
    return [part for setting in settings for part in ("--setting", setting)]


rule simulate:
    """Generate one part of one sample; the seed follows from run, variation, sample and part."""
    output:
        at(paths.SAMPLE),
    params:
        config=as_json(CONFIG.simulation),
        seed=CONFIG.seed,
        events=simulate_events,
        process=simulate_process,
        settings=simulate_settings,
    log:
        log_of(paths.SAMPLE),
    benchmark:
        benchmark_of(paths.SAMPLE)
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1500),
        runtime=attempt_scaled(60),
    message:
        "Simulating {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        "python {SCRIPTS}/simulate.py --sample {wildcards.sample} --part {wildcards.part}"
        " --variation {wildcards.variation} --process {params.process} --events {params.events}"
        " --seed {params.seed} --config {params.config:q} {params.settings:q}"
        " --output {output:q} > {log:q} 2>&1"

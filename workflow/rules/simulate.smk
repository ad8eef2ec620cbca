"""Simulation: Pythia 8, toy detector, FastJet -> NanoAOD-like ROOT files."""

from boostflow.jobs.chain import Simulate


rule simulate:
    """Generate one part of one sample; the seed follows from run, variation, sample and part."""
    output:
        sample=at(paths.SAMPLE),
    log:
        log_of(paths.SAMPLE),
    benchmark:
        benchmark_of(paths.SAMPLE)
    priority: by_variation(4, 3)
    group:
        cluster_group("parts")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1500),
        runtime=attempt_scaled(60),
    params:
        job=job(Simulate),
    message:
        "Simulating {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        logged(Simulate)

"""Ingestion: ROOT files (with coffea) and files of public sets -> tables of fat jets."""

from boostflow.config.files import is_remote
from boostflow.jobs.chain import Ingest


def source(wildcards):
    """The file of a part, where Snakemake can look at it; an address is part of the job."""
    file = ANALYSIS.source(wildcards.sample, int(wildcards.part), wildcards.variation)
    return [] if is_remote(file) else file


def beside(wildcards):
    """Files that are read together with the file of a part."""
    file = ANALYSIS.source(wildcards.sample, int(wildcards.part), wildcards.variation)
    return ANALYSIS.beside(wildcards.sample, file)


def checked(wildcards):
    """What the check says of a part's file."""
    found = ANALYSIS.checked_by(wildcards.sample, int(wildcards.part))
    return ancient(found) if found else []


def golden_json(wildcards):
    """The certified luminosity blocks, where the sample names some."""
    path = getattr(CONFIG.samples[wildcards.sample], "golden_json", None)
    return ANALYSIS.found(path) if path else []


rule ingest:
    """Read one part: loose preselection, observables, truth labels, weights."""
    input:
        file=source,
        beside=beside,
        checked=checked,
        golden_json=golden_json,
    output:
        table=at(paths.INGEST),
        meta=at(paths.INGEST_META),
    log:
        log_of(paths.INGEST),
    benchmark:
        benchmark_of(paths.INGEST)
    group:
        cluster_group("parts")
    conda:
        ENVIRONMENT
    threads: CONFIG.ingest.processes()
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    params:
        job=job(Ingest),
    message:
        "Ingesting {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        logged(Ingest)

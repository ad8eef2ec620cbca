"""Ingestion: ROOT files (with coffea) and files of public sets -> tables of fat jets."""

from boostflow.config.files import is_remote
from boostflow.jobs.chain import Ingest, golden_jsons


include: "functions/ingest.smk"


rule ingest:
    """Read one part: loose preselection, observables, truth labels, weights."""
    input:
        file=source,
        beside=beside,
        checked=checked,
    output:
        table=at(paths.INGEST),
        meta=at(paths.INGEST_META),
    log:
        log_of(paths.INGEST),
    benchmark:
        benchmark_of(paths.INGEST)
    priority: by_variation(4, 2)
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
        golden_json=named(golden_json),
        sums=named(sums),
    message:
        "Ingesting {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        logged(Ingest)

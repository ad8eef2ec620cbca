"""Ingestion with coffea: ROOT files -> tables of fat jets."""


def ingest_input(wildcards):
    """The ROOT file of a part: simulated here, or the user's."""
    block = CONFIG.samples[wildcards.sample]
    if isinstance(block, SimulatedSample):
        return at(paths.SAMPLE).format(
            variation=VARIATIONS.resolve(
                "simulate", wildcards.variation, sample=wildcards.sample
            ),
            sample=wildcards.sample,
            part=wildcards.part,
        )
    return input_files(block)[int(wildcards.part)]


def ingest_options(wildcards):
    """How the sample is labelled and normalised."""
    block = CONFIG.samples[wildcards.sample]
    options = []
    if block.label is not None:
        options += ["--label", block.label]
    if isinstance(block, SimulatedSample):
        return [*options, "--match", block.process]
    if block.match is not None:
        options += ["--match", block.match]
    if block.xsec is not None:
        options += ["--xsec", block.xsec]
    if block.data:
        options += ["--data"]
    return options


rule ingest:
    """Read one ROOT file: loose preselection, observables, truth labels, weights."""
    input:
        ingest_input,
    output:
        table=at(paths.INGEST),
        meta=at(paths.INGEST_META),
    params:
        config=as_json(CONFIG.ingest),
        radius=CONFIG.simulation.jet_radius,
        options=ingest_options,
    log:
        log_of(paths.INGEST),
    benchmark:
        benchmark_of(paths.INGEST)
    conda:
        ENVIRONMENT
    threads: 1 if CONFIG.ingest.executor == "iterative" else CONFIG.ingest.workers
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(60),
    message:
        "Ingesting {wildcards.sample} ({wildcards.variation}), part {wildcards.part}"
    shell:
        "python {SCRIPTS}/ingest.py --input {input:q} --output {output.table:q}"
        " --meta {output.meta:q} --config {params.config:q} --radius {params.radius}"
        " {params.options:q} > {log:q} 2>&1"

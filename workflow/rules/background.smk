"""Background estimates from data. Only there if the configuration asks for them."""


rule background_counts:
    """Count the simulated events in the regions of the estimates."""
    input:
        jets=background_jets,
        scores=background_scores,
    output:
        at(paths.BACKGROUND_COUNTS),
    log:
        log_of(paths.BACKGROUND_COUNTS),
    benchmark:
        benchmark_of(paths.BACKGROUND_COUNTS)
    group:
        variation_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        config=background_regions(),
        templates=background_binning(),
        luminosity=CONFIG.luminosity,
        weight=template_weight,
    message:
        "Counting events for background estimates ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/background_counts.py --select {input.jets:q} --scores {input.scores:q}'
        " --output {output:q} --config {params.config:q} --templates {params.templates:q}"
        " --luminosity {params.luminosity} {params.weight:q} > {log:q} 2>&1"


rule background_data:
    """Count the events of the pseudo-data or of collision data in the same regions."""
    input:
        jets=background_data_jets(),
        scores=[scored(model, NOMINAL) for model in background_models()],
    output:
        at(paths.BACKGROUND_DATA),
    log:
        log_of(paths.BACKGROUND_DATA),
    benchmark:
        benchmark_of(paths.BACKGROUND_DATA)
    group:
        cluster_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        config=background_regions(data=True),
        templates=background_binning(),
        luminosity=CONFIG.luminosity,
        source=background_source(),
    message:
        "Counting events of the data for background estimates"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/background_counts.py --select {input.jets:q} --scores {input.scores:q}'
        " --output {output:q} --config {params.config:q} --templates {params.templates:q}"
        " --luminosity {params.luminosity} {params.source:q} > {log:q} 2>&1"


rule background:
    """Estimate backgrounds from the data."""
    input:
        counts=background_counts(),
        data=at(paths.BACKGROUND_DATA),
        templates=background_templates(),
    output:
        figures=at(paths.BACKGROUND),
        workspace=background_workspace(),
    log:
        log_of(paths.BACKGROUND),
    benchmark:
        benchmark_of(paths.BACKGROUND)
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        config=as_json(CONFIG.background),
        systematics=background_systematics(),
        options=background_options(),
    message:
        "Estimating backgrounds from data"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/background.py --counts {input.counts:q} --data {input.data:q}'
        " --output {output.figures:q} --config {params.config:q}"
        " --systematics {params.systematics:q} {params.options:q} > {log:q} 2>&1"


rule plot_background:
    """Draw the background estimates."""
    input:
        at(paths.BACKGROUND),
    output:
        [
            report(
                at(paths.BACKGROUND_PLOT.format(plot=plot)),
                caption=caption(f"background_{plot}"),
                category="Background",
                labels={"plot": plot},
            )
            for plot in background_plot_names()
        ],
    log:
        log_of("background/plots"),
    benchmark:
        benchmark_of("background/plots")
    group:
        cluster_group("results")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        config=as_json(CONFIG.background),
        label=plot_label(),
    message:
        "Drawing the background estimates"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/plot_background.py --input {input:q} --output "$(dirname {output[0]:q})"'
        " --config {params.config:q} --label {params.label:q} > {log:q} 2>&1"

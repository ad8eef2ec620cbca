"""Templates: histograms per region and sample, one file for each variation."""


rule templates:
    """Histograms of one variation."""
    input:
        jets=template_jets,
        scores=template_scores,
    output:
        at(paths.TEMPLATES),
    log:
        log_of(paths.TEMPLATES),
    benchmark:
        benchmark_of(paths.TEMPLATES)
    group:
        variation_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        config=template_block,
        luminosity=CONFIG.luminosity,
        weight=template_weight,
        data=template_data,
        empty=template_empty,
    message:
        "Making templates ({wildcards.variation})"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/templates.py --select {input.jets:q} --scores {input.scores:q}'
        " --output {output:q} --config {params.config:q} --luminosity {params.luminosity}"
        " {params.weight:q} {params.data:q} {params.empty:q} > {log:q} 2>&1"


rule pseudo_templates:
    """Histograms of the validation split, which pseudo-data are drawn from."""
    input:
        jets=pseudo_jets(),
        scores=pseudo_scores(),
    output:
        at(paths.PSEUDO),
    log:
        log_of(paths.PSEUDO),
    benchmark:
        benchmark_of(paths.PSEUDO)
    group:
        cluster_group("nominal")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(2000),
        runtime=attempt_scaled(30),
    params:
        config=as_json(CONFIG.templates),
        luminosity=CONFIG.luminosity,
    message:
        "Making templates of independent events"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/templates.py --select {input.jets:q} --scores {input.scores:q}'
        " --output {output:q} --config {params.config:q} --luminosity {params.luminosity}"
        " --split validation > {log:q} 2>&1"


for name in [*VARIATIONS.with_templates(), *VARIATIONS.crosschecks().values()]:

    rule:
        name:
            f"variation_{name}"
        input:
            at(paths.TEMPLATES.replace("{variation}", name)),
        localrule: True


for name, directions in VARIATIONS.entries().items():

    rule:
        name:
            f"variation_{name}"
        input:
            expand_at(paths.TEMPLATES, variation=directions),
        localrule: True


for name in RATES:

    # It has no files of its own: says so, where a rule that is not there would be an error.
    rule:
        name:
            f"variation_{name}"
        localrule: True
        message:
            f"{name} is a rate: it has no templates, only a factor of the yields in the fit"

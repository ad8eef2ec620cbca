"""Templates: histograms per region and sample, one file for each variation."""

from boostflow.jobs.statistics import PseudoTemplates, Templates


include: "functions/templates.smk"


rule templates:
    """Histograms of one variation."""
    input:
        jets=template_jets,
        scores=template_scores,
    output:
        templates=at(paths.TEMPLATES),
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
        job=job(Templates),
    message:
        "Making templates ({wildcards.variation})"
    shell:
        logged(Templates)


rule pseudo_templates:
    """Histograms of the validation split, which pseudo-data are drawn from."""
    input:
        jets=ANALYSIS.selected(NOMINAL, ANALYSIS.simulated()),
        scores=[ANALYSIS.scored(model, NOMINAL) for model in ANALYSIS.region_models(NOMINAL)],
    output:
        templates=at(paths.PSEUDO),
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
        job=job(PseudoTemplates),
    message:
        "Making templates of independent events"
    shell:
        logged(PseudoTemplates)


for name, variations in ANALYSIS.targets_of_entries().items():

    rule:
        name:
            f"variation_{name}"
        input:
            ANALYSIS.each(paths.TEMPLATES, variation=variations),
        localrule: True


for name in ANALYSIS.rates():

    # It has no files of its own: says so, where a rule that is not there would be an error.
    rule:
        name:
            f"variation_{name}"
        localrule: True
        message:
            f"{name} is a rate: it has no templates, only a factor of the yields in the fit"

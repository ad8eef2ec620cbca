"""An error at the end where something is flagged and the configuration asks for it."""

from boostflow.jobs.statistics import DemandHealth


rule demand_health:
    """End with an error if there are flags that infer.strict does not allow: last of all."""
    input:
        **targets.judged(ANALYSIS),
        last=at(paths.PROVENANCE),
    output:
        touch(at(paths.HEALTHY)),
    log:
        log_of(paths.HEALTHY),
    # Not in a group: its failure would take the results along.
    localrule: True
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(15),
    params:
        job=job(DemandHealth),
    message:
        "Demanding that nothing is flagged"
    shell:
        logged(DemandHealth)

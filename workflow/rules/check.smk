"""A look at all input files, before any of them is read."""


rule check:
    """Files open, have what is needed, and hold no event twice; what is off, and what is skipped."""
    input:
        checked_files(),
    output:
        checked=unchecked(),
        check=at(paths.CHECK),
        table=report(at(paths.CHECK_TABLE), caption=caption("check"), category="Summary"),
    log:
        log_of(paths.CHECK),
    benchmark:
        benchmark_of(paths.CHECK)
    group:
        cluster_group("check")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=attempt_scaled(1000),
        runtime=attempt_scaled(60),
    params:
        config=check_config(),
        needs=check_needs(),
        addresses=checked_addresses(),
    message:
        "Checking the input files"
    shell:
        'python "$BOOSTFLOW_SCRIPTS"/check.py --config {params.config:q} --needs {params.needs:q}'
        " --output {output.check:q} --table {output.table:q} --checked {output.checked:q} > {log:q} 2>&1"

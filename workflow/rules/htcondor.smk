"""What HTCondor is asked for, where the profile asks for any: each rule's own memory. No rules."""

# Its plugin knows no `mem_mb`. The profile's number is that of rules which say none.
MEMORY = "htcondor_request_mem_mb"

if MEMORY in (workflow.resource_settings._parsed_default_resources or ()):
    for asking in workflow.rules:
        if "mem_mb" in asking.resources.keys():
            asking.resources[MEMORY] = asking.resources["mem_mb"].with_name(MEMORY)

"""The snakemake that starts the jobs: it takes over from one that was killed. No rules."""

from boostflow import takeover
from boostflow.jobs.chain import state
from boostflow.launch import SHIMS

try:
    # Jobs on a cluster take over from nobody.
    STATE = state(ANALYSIS) if workflow.is_main_process else ""
    SESSION = takeover.session(workflow, STATE, CONFIG.output)
except BoostflowError as error:
    print(error, file=sys.stderr)
    raise SystemExit(1)


if workflow.is_main_process:
    # Its `sbatch`, `squeue` and `sacct` bear with a SLURM controller that is restarted or crashes.
    os.environ.update(PATH=f"{SHIMS / 'submit'}:{os.getenv('PATH')}")


def take_over():
    """Record what the jobs of a killed run have finished without it."""
    if SESSION:
        SESSION.start(workflow)


def show_space():
    """Tell a user whose disk is full: then the logs, on the same disk, may be empty."""
    takeover.warn_if_full(CONFIG.output)

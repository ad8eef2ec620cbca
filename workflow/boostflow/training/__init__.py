"""What trainings of all families share: ranks, devices, checkpoints, the loop."""

"""Selection: shifts, smearing, cuts on jets and events, cutflow, split and weights."""

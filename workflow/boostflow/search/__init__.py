"""The stages of searches over hyper-parameters: trainings of points, rankings, the report."""

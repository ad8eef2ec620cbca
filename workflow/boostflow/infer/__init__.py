"""The way from templates to the signal strength: workspace, fit, significance, breakdown."""

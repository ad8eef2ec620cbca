"""From templates to the signal strength: HistFactory workspace, fit, significance, breakdown."""

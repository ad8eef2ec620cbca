"""Jobs: for each stage exactly what it depends on."""

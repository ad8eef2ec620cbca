"""Typed configuration: `models` declares it, `load` reads and checks it, `generate` writes its files."""

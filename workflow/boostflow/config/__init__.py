"""Typed configuration: `models` declares it, `load` checks it, `generate` writes its files."""

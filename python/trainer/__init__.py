"""The trainer. docs/architecture.md shows its rooms; `loop.py` is the page to begin with."""

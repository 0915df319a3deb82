"""Memory: what a run needs, whether it fits, and the micro-batch that does."""

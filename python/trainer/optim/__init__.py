"""The optimizers, and the learning rate over time."""

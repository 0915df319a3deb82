"""The model: where it comes from, its loss, what is done to its layers, and how it is saved for validators."""

"""What a model is worth: held-out loss in training, several models on one sample, and the check of a folder."""

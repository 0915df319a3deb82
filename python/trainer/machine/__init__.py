"""This process among others, its device and its memory."""

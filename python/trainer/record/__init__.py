"""What a run leaves behind: metrics, checkpoints, and what trackers are told."""

"""The project's own experiments: studies of transfers, the gallery, speed; a leaf."""

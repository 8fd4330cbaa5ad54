"""The project's own experiments: trials, ground truth, gallery, speed; a leaf."""

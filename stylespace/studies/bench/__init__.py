"""Speed and memory against the bare network and against other programs, in one run."""

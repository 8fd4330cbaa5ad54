"""What tells two groups of styles apart: which entries, how surely, and what they look like."""

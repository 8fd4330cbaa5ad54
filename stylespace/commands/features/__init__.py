"""Features: pictures become rows of numbers, for tables and for scikit-learn."""

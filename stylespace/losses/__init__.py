"""What is optimised: the objective and its terms, one file a loss."""

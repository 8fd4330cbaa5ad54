"""Reports: what the Gram matrices of paintings hold, measured, drawn and put into words."""

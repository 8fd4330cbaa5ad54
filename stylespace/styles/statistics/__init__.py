"""Statistics of Gram matrices: sparsity, intensity, spectrum, cosines, and distributions that fit.

Diagonal and off-diagonal entries are apart everywhere: the energies of the channels, and how much
two of them fire together. Off-diagonal entries are those with i < j, each once. Everything is
computed in float64 on the CPU; statistics of values look at their sizes, so a matrix with negative
entries (no Gram matrix of ReLU features has one) is measured as well; moments and quantiles alone
know the sign.

No entries (the off-diagonal of a single channel) and entries that are all zero (a black layer) have
no sparsity, no intensity, no spectrum and no fit: every such number is 0, never NaN.
"""

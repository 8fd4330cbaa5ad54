"""Style-content covariance: which features go with which content (NN16a).

A content response R_k, one map a content channel, weighs the local Gram matrices of a layer:

    S_kij = 1/N sum_x R_k(x) G_ij(x),    loss = sum_kij (S_kij(F, R) - S_kij(P, Q))^2

The window of G(x) moves onto the response exactly, sum_x R_k(x) G_ij(x) = sum_u R~_k(u) F_i(u)
F_j(u) with R~ = w * R, so that no local Gram matrix is ever formed. With the positions of both
pictures in one row, X = [F, P] and a = [R~/N, -Q~/N'], the loss is one quadratic form with two
ways to evaluate it:

    sum_k || X diag(a_k) X^T ||^2        "explicit": K matrices of C x C, one block at a time
    sum_uv <a(u), a(v)> <X(u), X(v)>^2   "kernel": pairs of positions, one tile at a time

The first costs K C^2 N, the second (C + K) N^2. The second adds up large numbers that cancel as
the optimum comes near: it runs in float64, and refuses a value that it cannot vouch for.
"""

from stylespace.losses.covariance.costs import covariance_costs, covariance_memory
from stylespace.losses.covariance.distances import CancellationError, covariance_distance
from stylespace.losses.covariance.terms import STORED, CovarianceMeasure, covariance_term

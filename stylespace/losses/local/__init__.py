"""Localised style: Gram matrices of windows, compared place by place (NN16a).

`local_gram_distance` is the number, `local_term` its part in an objective, `local_memory` what it
takes, `copy_index` how much of the style picture a result repeats.
"""

from stylespace.losses.local.copies import copy_index, copy_indices, copy_remark
from stylespace.losses.local.costs import chosen_evaluator, local_memory
from stylespace.losses.local.distance import EVALUATORS, local_gram_distance
from stylespace.losses.local.terms import local_term
from stylespace.losses.local.windows import KERNELS, centres

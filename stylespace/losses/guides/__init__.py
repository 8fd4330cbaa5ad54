"""Guides: soft masks that say which part of a content takes its style from which part of a style.

A guide is a pair of masks, one on each picture. Guides are drawn by hand (`open_guides`) or found
through deep features (`matched_regions`); either way they are `Regions`, and `guided_terms` makes
an objective of them.
"""

from stylespace.losses.guides.automatic import matched_regions
from stylespace.losses.guides.masks import open_guide, propagated, resized, with_rest
from stylespace.losses.guides.regions import Regions, open_guides
from stylespace.losses.guides.terms import (
    area_remarks,
    check_guides_memory,
    guided_gram,
    guided_targets,
    guided_term,
    guided_terms,
    guides_memory,
)

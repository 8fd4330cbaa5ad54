"""What stands on the page of a report, as the dictionaries that `page` takes."""

from stylespace.reports.content.drawings import Draughts
from stylespace.reports.content.groups import (
    explanations,
    short_group,
    single_group,
    together_group,
)

__all__ = ["Draughts", "explanations", "short_group", "single_group", "together_group"]

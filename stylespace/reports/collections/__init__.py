"""Collections: folders of pictures, whose styles are kept as files and read one at a time.

Nothing here holds more than one style at once, however many there are. Distances between all of
them are `stylespace.styles.distances.streamed_distances` of the style files.
"""

from stylespace.files.listing import SUFFIXES, pictures_in
from stylespace.reports.collections.cache import Measurement, cache_folder
from stylespace.reports.collections.capturing import (
    FAULTS,
    Collection,
    Seen,
    Skipped,
    captured,
    reason_of,
)
from stylespace.reports.collections.comparing import Neighbour, collection_statistics, neighbours

"""Pictures: files in and out, resizing, and the recipe that a picture carries.

Inside the program a picture is a float32 tensor (B, 3, H, W) of sRGB values in [0, 1].
"""

from stylespace.images.memory import IN_MEMORY, picture_tensor
from stylespace.images.reading import read_image
from stylespace.images.recipe import read_caption, read_recipe
from stylespace.images.resizing import resize, resize_to
from stylespace.images.source import MAX_PIXELS
from stylespace.images.writing import (
    check_format,
    encoded_jpeg,
    encoded_png,
    holds_alpha,
    write_image,
    written_image,
)

"""Files: outputs are written whole or not at all, documents are read within bounds."""

from stylespace.files.documents import (
    DEEPEST,
    LARGEST,
    LONGEST,
    LONGEST_OWN,
    check_header,
    parsed_json,
    parsed_toml,
    read_data,
)
from stylespace.files.outputs import (
    NEAR,
    STYLE_SUFFIX,
    check_folder,
    check_output,
    hint_beside,
    hold,
    holds,
    numbered,
    sweep,
    write_files,
    write_whole,
)

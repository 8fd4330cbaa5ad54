"""How Sphinx builds these pages, from Markdown and docstrings, into docs/_build: `make docs`."""

import logging
import sys
from importlib.metadata import version as installed
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))

project = "stylespace"
author = copyright = "stylespace contributors"
version = release = installed("stylespace")
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "sphinx_click", "product"]
exclude_patterns = ["_build", "_extensions", "**.ipynb_checkpoints"]
default_role = "py:obj"  # in docstrings: `probe` is a link, where it is a name

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_custom_sections = [("Keywords", "params_style")]
maximum_signature_line_length = 80

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "cache"  # a page runs again when its cells have changed
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
suppress_warnings = ["mystnb.unknown_mime_type", "myst-nb.lexer"]  # of cells that are not run

html_theme = "furo"
html_title = "stylespace"
MATHJAX = Path(find_spec("sphinx-mathjax-offline").submodule_search_locations[0])
html_static_path = ["_static", str(MATHJAX / "static" / "mathjax" / "tex-svg.js")]
mathjax_path = "tex-svg.js"  # one file without fonts: formulas are drawn from the file system too
html_css_files = ["product.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}

# A folder of the table of contents may be empty: this warning has no name to be suppressed by.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: getattr(record, "subtype", "") != "empty_glob"
)

"""Sphinx configuration: the guide, the reference, and the executed notebooks."""

import os
from importlib import metadata

os.environ["REGNB_PROGRESS"] = "0"

project = "regnb"
author = "the regnb authors"
version = release = metadata.version("regnb")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "pydata_sphinx_theme"
html_title = "regnb"
exclude_patterns = ["build"]

myst_enable_extensions = ["deflist"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False

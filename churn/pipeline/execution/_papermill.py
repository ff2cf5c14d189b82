"""Papermill, nbformat and scrapbook, imported without what nobody here needs.

jsonschema compiles a grammar for internationalised web addresses when it is imported, which takes 2 seconds in every
process; it does without where the package is missing, and no notebook holds such an address.
"""

import logging
import sys

sys.modules["rfc3987_syntax"] = None
import nbformat  # noqa: E402
import papermill  # noqa: E402
import scrapbook  # noqa: E402
from papermill.exceptions import PapermillExecutionError  # noqa: E402

sys.modules.pop("rfc3987_syntax", None)
logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it would say becomes the error of the stage

__all__ = ["PapermillExecutionError", "nbformat", "papermill", "scrapbook"]

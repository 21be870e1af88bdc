"""Errors that prevent a whole import. Faults of single rows are findings instead.

ImportingError     the import did not start, or stopped before anything was written
  SourceError      the file or the tables cannot be read
    NotJson        the file is not valid JSON
  Stopped          somebody stopped it; rows written by then stay
Refused            one value cannot be stored, and its row is not imported
"""


class ImportingError(Exception):
    """The import did not start, or stopped before anything was written."""


class SourceError(ImportingError):
    """The source cannot be read."""


class NotJson(SourceError):
    """The file is not valid JSON."""


class Stopped(ImportingError):
    """Somebody stopped the import; rows written by then stay."""


class Refused(Exception):
    """A value cannot be stored; the text says why.

    ``column`` names its column where that is not the one being cleaned.
    """

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.column = column

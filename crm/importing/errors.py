"""Why an import cannot be done at all (single rows are findings instead)."""


class ImportingError(Exception):
    """The import was not begun, or was stopped before anything was written."""


class SourceError(ImportingError):
    """The source cannot be read."""


class Stopped(ImportingError):
    """Somebody asked for it; what was written until then stays."""


class Refused(Exception):
    """One value, and with it its row, cannot go in; the text says why. ``column`` is its name,
    where it is not the one that is being read."""

    def __init__(self, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.column = column

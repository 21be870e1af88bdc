"""SQL in, SQL out: from a user's statement to the SQL that the engine runs.

Pure functions of text, syntax trees and the catalog's plain objects. They need no server, no
engine and no disk.
"""

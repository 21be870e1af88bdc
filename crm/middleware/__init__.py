"""Middleware: the person, the moment of an ``/as-of/`` address, security headers and limits."""

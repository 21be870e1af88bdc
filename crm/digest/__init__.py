"""Digests: what changed and what needs attention, as mail, as a message in a chat, or as files."""

"""Imports by page.

job           an uploaded file, its state, and the thread that works on it
work          what that thread does: preview the file, or import it
survey_source what the file holds, for the mapping step
mapping_step  how the file is read, where a person has to choose
preview       the rows that an import would write
folders       where jobs are kept
lock          which process works on a folder
sweeper       removes jobs an hour after they last changed
"""

"""Gives the refused rows of a source back, to be corrected and imported again.

rows    the refused rows of each file and sheet, with the reasons
files   a file of the same kind for each: the same headings, and a column of reasons

An import does not read that column: see ``raw_rows.without_reasons``.
"""

"""Taking all data out: as JSON (what `import_legacy` takes back), CSV, a workbook, or SQL.

exporter   the tables, row by row, into a file that is complete or not there
text, tabular, sql   the formats
"""

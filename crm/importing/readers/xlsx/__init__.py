"""XLSX workbooks, row by row, whatever their size.

book        a workbook: its sheets, and their rows
cells       the cells of a row: values, errors, numbers as their format shows them
strings     the shared strings, kept on disk
after_rows  what stands in a sheet after its rows: merged cells and hyperlinks
merged      cells that are merged over rows
limits      what a file may make us keep in memory
"""

"""Export all data as JSON (which `import_legacy` reads back), CSV, a workbook, or SQL.

exporter   all tables, row by row, into a file that is complete or does not exist
text       JSON
tabular    CSV, and tables as workbooks
template   templates to fill in, with the words that their columns allow
workbook   sheets of any rows, within Excel's limits
lists      the columns of one list as a file

crm/repository/transfer/insert_script.py writes SQL, since all SQL is in crm/repository.
"""

"""Readers of files: each yields raw rows.

file_kind         which of the following reads a file
csv_file          CSV files: encoding, delimiter and headings; csv_records splits them, csv_dialect
                  knows how programs write cells
xlsx/             workbooks
json_state        JSON files, with json_text (made readable for the parser), json_outline (their
                  keys), json_shapes (where the records are) and json_children (within accounts)
own_export        whether a file, a table or a list is one that we exported
encoding          the encoding of a text file
zip_file          archives, unpacked
"""

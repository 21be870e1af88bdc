"""Taking in data from elsewhere: the legacy app's exports, as JSON, CSV or workbooks.

    sources    files, folders, archives → sheets of raw rows (json_state, delimited, workbooks)
    raw        such a row, and what its reader has to say of it
    headings   what people call a column → the column
    cleaning   a raw row → a row of the table, or the reason why not
    chunks     rows by the thousand, as a statement takes them
    importer   chunks of rows → the warehouse, counted and verified
    copying    tables elsewhere → the warehouse, by the warehouse
    jobs       an import by page: its folder, its thread (work), who holds it (holding)
    findings   everything that was changed, skipped or refused, with its place and reason

Nothing is guessed silently, and nothing here knows of requests or of SQL.
"""

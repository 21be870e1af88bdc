"""Imports data: exports of the legacy app and of this one, and tables of its earlier version.

From a file to the warehouse, one module for each step:

    mapping/       what a person chose about how to read the file
    sources        a file, folder or archive → sheets of raw rows, with the help of readers/
    parts          a file, a sheet or a table in a file, and how to read it
    linked         a text with the address that it leads to
    within_accounts/  a table of accounts → what it holds of other tables
    raw_rows       a raw row, and its reader's remarks about it
    headings       a heading → the column it means; a name or headings → the table
    sheet_columns  one sheet's headings → the columns of its cells
    cleaning       a raw value → the value that its column holds (dates with
                   date_words, date_numbers, literals, apostrophes, objects,
                   yes_no)
    rows           a raw row → a row of one of our tables
    reader         a source → rows of our tables, each key once
    memory         what one row needs of another that was read before
    chunks         rows → groups as large as one statement takes
    matching       a row without an id → the stored row that it means
    owners         a team's name in place of a BSNID → its account
    planning       a group → what an import does to each of its rows
    stale          rows that are older than the stored ones → what may be stored of them
    watching       what follows an import while it runs
    writing        planned rows → the warehouse, as one transaction where possible; verified
    importer       all of that in order, counted
    results        what an import did to each table

Beside that way:

    copy_tables    tables elsewhere in Unity Catalog → the warehouse
    refused/       refused rows, given back to be corrected
    jobs/          imports by page: the uploaded file, its preview, its state and its thread
    masks          columns that a policy masks, which no import writes
    doubts         signs that a file was misread, found by a dry run
    findings       what was changed, skipped, refused or noted, with its place and reason
    lost           values in files and sheets that are not imported at all
    errors         why an import cannot be done at all

The report lists every value that is not stored exactly as the file has it. These modules know
neither requests nor SQL.
"""

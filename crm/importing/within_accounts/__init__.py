"""What a table of accounts holds of other tables.

meanings  a heading → a status, the time of one, or a column of the use case
statuses  the statuses of platforms
sheets    a sheet of accounts → the accounts, their statuses and their use cases
"""

"""A Databricks SQL warehouse on this machine, for development and tests.

The unmodified databricks-sql-connector talks to it over loopback HTTP; behind it, an embedded
Spark SQL engine (Sail) works on real Delta tables in a data folder.
"""

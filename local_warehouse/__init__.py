"""A Databricks SQL warehouse on this machine, for development and tests.

The unmodified databricks-sql-connector reaches it over loopback HTTP. An embedded Spark SQL engine
(Sail) reads and writes real Delta tables in a data folder.
"""

import os

# Arrow's own allocators keep what each of the many threads has freed, more than all that is used.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

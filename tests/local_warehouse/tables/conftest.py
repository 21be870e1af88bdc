"""Two tables with keys, comments and properties."""

from __future__ import annotations

import pytest

ACCOUNTS = """
CREATE TABLE accounts (
  bsnid STRING NOT NULL COMMENT 'The key',
  team STRING,
  seats INT,
  CONSTRAINT accounts_pk PRIMARY KEY (bsnid)
)
COMMENT 'Teams; it\\'s a test'
CLUSTER BY (bsnid)
TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'team.owner' = 'edip')
"""
CASES = """
CREATE TABLE cases (
  id STRING NOT NULL,
  account STRING NOT NULL,
  CONSTRAINT cases_pk PRIMARY KEY (id),
  CONSTRAINT cases_fk FOREIGN KEY (account) REFERENCES accounts (bsnid)
)
"""


@pytest.fixture
def tables(shell):
    shell.run(ACCOUNTS)
    shell.run(CASES)
    return shell

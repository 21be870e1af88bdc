"""The tables themselves: migrations, backups, grants and what Unity Catalog says of them."""

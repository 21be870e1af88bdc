"""Where tokens come from: a service principal, or the sign-in of the Databricks CLI."""

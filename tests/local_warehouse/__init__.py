"""Tests of the local warehouse. One module for each thing that Databricks SQL does."""

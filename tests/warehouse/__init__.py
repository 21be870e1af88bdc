"""Tests of crm/warehouse. One module for each of its modules, and for what may break."""

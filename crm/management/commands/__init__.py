"""The commands of manage.py. One module for each command."""

"""Commands of manage.py. One module for each command; helpers begin with an underscore."""

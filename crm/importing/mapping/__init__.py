"""How a source is read, as far as a person chooses it.

chosen   the choices, in a form that can be kept as JSON
entries  the choices of a command's arguments
survey   what a file holds, and what a person has to choose
"""

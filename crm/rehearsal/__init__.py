"""Runs every kind of statement of the CRM in a scratch schema, and compares what comes back.

``cases`` are what is run, ``observed`` notes each statement's answer, ``rehearse`` runs the cases,
``compare`` says how the answers differ from those of the local warehouse (``expected.json``), and
``report`` puts that into words. Nothing of it holds data: only types, numbers and error classes.
"""

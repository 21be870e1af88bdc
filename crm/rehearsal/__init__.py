"""Run every kind of statement of the CRM in a scratch schema, and compare the answers.

``cases`` has the operations, ``observed`` records each statement's answer, ``rehearse`` runs the
cases, ``compare`` finds the differences from the local warehouse's answers (``expected.json``),
and ``report`` describes them. They record no data: only types, numbers and error classes.
"""

"""Tables, records, vocabularies and addresses. Imports nothing else of the project."""

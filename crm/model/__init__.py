"""What the product is about: tables, records, words and addresses. Imports nothing of ours."""

"""All access to data, and every SQL statement of the CRM: one module per subject."""

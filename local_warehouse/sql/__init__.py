"""SQL in, SQL out: parsing, names, parameters, policies. Needs no server and no engine."""

// Reads what /live/ answers; crm/views/recent_changes.py writes it.

// Return the cursor for the next request, whether the server has forgotten changes since the
// last one (`missed`), and the changes, oldest first. Each change has
//   record   its key: "use_cases/42"        account  the BSNID of the record's account
//   table    "use_cases"                    version  the table's commit version
//   kind     created, changed or deleted    at       when, as data-version has it
//   person   an address, "You" or "Somebody"
//   summary  "bob@example.com changed a use case"
export function readAnswer({ seen, missed, news }) {
  const changes = news.map(({ who, said, ...rest }) => ({ ...rest, person: who, summary: said }));
  return { cursor: seen, missed, changes };
}

"""Tables, the unit of work, all SQL, migrations."""

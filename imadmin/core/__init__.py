"""Tools without domain: nothing here knows a noun an operator uses."""

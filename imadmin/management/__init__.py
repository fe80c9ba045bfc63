"""Commands that start the whole product."""

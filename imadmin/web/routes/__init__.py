"""URL patterns of the pages, one module a section."""

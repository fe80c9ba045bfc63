"""Where the archive is kept: one engine for each kind of database, all behind `base.Engine`."""

"""People and tokens, and what a role allows."""

"""Changes of what is watched: sessions kicked in number, slots and leaders moved.  All begin as a plan (drafts.py)."""

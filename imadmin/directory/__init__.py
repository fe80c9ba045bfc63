"""What operators manage: channels, members, deny and allow lists, users, devices, sessions, restrictions."""

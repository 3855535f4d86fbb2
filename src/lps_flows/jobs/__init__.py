"""One Maker per step of a campaign."""

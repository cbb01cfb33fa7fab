"""Files: written completely or not at all, locked, checked when read; never unpickled."""

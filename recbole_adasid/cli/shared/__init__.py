"""What the subcommands have in common: options, their reading, help, and how a command ends."""

"""The addresses of a server, one file a group."""

"""Where the audit is started: python -m recbole_adasid.host.audit --help."""

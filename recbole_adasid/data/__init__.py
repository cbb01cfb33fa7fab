"""Item features, text, collaborative pairs and history windows."""

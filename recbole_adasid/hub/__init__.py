"""Model repositories: what is in them, how they are downloaded, described and published."""

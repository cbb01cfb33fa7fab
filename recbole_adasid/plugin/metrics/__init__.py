"""RecBole's metrics, computed from recommended items."""

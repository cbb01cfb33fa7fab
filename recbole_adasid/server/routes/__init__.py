"""Routes by subject; each function returns the `APIRouter` of some."""

"""Routes by subject; each function returns an `APIRouter`."""

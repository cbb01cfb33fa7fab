"""HTTP headers of pages for browsers."""

from __future__ import annotations


def page_headers(*sources: str) -> dict[str, str]:
    """Return the headers of a page that only loads what ``sources`` allow, such as `style-src 'self'`."""
    policy = ["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }

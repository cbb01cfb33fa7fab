"""Pictures as the content of their files."""

from __future__ import annotations

import io


def picture(red: int, form: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", size, (red, 10, 200)).save(stream, form)
    return stream.getvalue()

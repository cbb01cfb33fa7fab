"""AdaSID's Figure 3: how evenly tokenizers use their codewords, as a picture and as a page to explore."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

X, Y = "inverse_top1_load", "normalised_min_perplexity"
SIZE, COLOUR = "mean_perplexity", "sid_entropy"
LABELS = {
    X: "inverse normalised top-1 load",
    Y: "normalised minimum perplexity",
    SIZE: "mean perplexity",
    COLOUR: "SID entropy (nats)",
}


def write_picture(table: pd.DataFrame, path: Path, title: str) -> None:
    """Write the landscape as a PNG.

    Raises:
        ImportError: if matplotlib is missing.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 6.5), layout="constrained")
    points = axes.scatter(
        table[X], table[Y], s=8 * _sizes(table) ** 2, c=table[COLOUR], cmap="viridis", alpha=0.85, edgecolors="black"
    )
    for row in table.to_dict("records"):
        axes.annotate(
            row["title"], (row[X], row[Y]), xytext=(0, 14), textcoords="offset points", ha="center", fontsize=8
        )
    figure.colorbar(points, label=LABELS[COLOUR])
    axes.set(title=f"{title}\n(size: mean perplexity)", xlabel=LABELS[X], ylabel=LABELS[Y])
    axes.margins(0.2)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=140)
    plt.close(figure)


def write_page(table: pd.DataFrame, path: Path, title: str) -> None:
    """Write the landscape as a page that works offline: hovering shows every figure, dragging zooms.

    Raises:
        ImportError: if plotly is missing.
    """
    import plotly.graph_objects as go

    shown = [X, Y, SIZE, "min_perplexity", COLOUR, "mean_top1_load", "collision_rate", "proxy_ndcg@10"]
    hover = "<br>".join(f"{LABELS.get(key, key)}: %{{customdata[{i}]:.4f}}" for i, key in enumerate(shown))
    points = go.Scatter(
        x=table[X],
        y=table[Y],
        text=table["title"],
        customdata=table[shown].to_numpy(),
        mode="markers+text",
        textposition="top center",
        marker={
            "size": 2.5 * _sizes(table),
            "color": table[COLOUR],
            "colorscale": "Viridis",
            "colorbar": {"title": LABELS[COLOUR]},
            "line": {"width": 1, "color": "black"},
        },
        hovertemplate=f"<b>%{{text}}</b><br>{hover}<extra></extra>",
    )
    figure = go.Figure(points)
    figure.update_layout(title=title, xaxis_title=LABELS[X], yaxis_title=LABELS[Y], template="plotly_white")
    figure.write_html(path, include_plotlyjs=True)


def _sizes(table: pd.DataFrame) -> pd.Series:
    """Return marker sizes 4 … 12 that grow with the mean perplexity among those compared."""
    low, high = table[SIZE].min(), table[SIZE].max()
    return 4 + 8 * (table[SIZE] - low) / max(high - low, 1e-9)

"""AdaSID's Figure 3: how evenly tokenizers use their codewords, as a picture and as an interactive page."""

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
    from matplotlib import patheffects
    from matplotlib import pyplot as plt

    figure, (axes, names) = plt.subplots(1, 2, figsize=(11, 6), width_ratios=(3, 1), layout="constrained")
    points = axes.scatter(
        table[X], table[Y], s=8 * _sizes(table) ** 2, c=table[COLOUR], cmap="viridis_r", alpha=0.7, edgecolors="black"
    )
    # Numbers instead of names: good tokenizers cluster in one corner.
    for number, row in enumerate(table.to_dict("records"), start=1):
        axes.annotate(
            str(number),
            (row[X], row[Y]),
            ha="center",
            va="center",
            fontsize=9,
            weight="bold",
            color="white",
            path_effects=[patheffects.withStroke(linewidth=2.5, foreground="black")],
        )
    listing = "\n".join(f"{number:>2}  {name}" for number, name in enumerate(table["title"], start=1))
    names.text(0, 0.98, listing, va="top", fontsize=9, linespacing=1.7)
    names.set_axis_off()
    figure.colorbar(points, ax=axes, label=LABELS[COLOUR])
    axes.set(title=f"{title} (size: mean perplexity)", xlabel=LABELS[X], ylabel=LABELS[Y])
    axes.margins(0.12)
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
            "size": 2 * _sizes(table),
            "color": table[COLOUR],
            "colorscale": "Viridis",
            "reversescale": True,
            "colorbar": {"title": LABELS[COLOUR]},
            "line": {"width": 1, "color": "black"},
        },
        hovertemplate=f"<b>%{{text}}</b><br>{hover}<extra></extra>",
    )
    figure = go.Figure(points)
    figure.update_layout(title=title, xaxis_title=LABELS[X], yaxis_title=LABELS[Y], template="plotly_white")
    figure.write_html(path, include_plotlyjs=True)


def _sizes(table: pd.DataFrame) -> pd.Series:
    """Return marker sizes 4 … 12 that grow with the mean perplexity."""
    low, high = table[SIZE].min(), table[SIZE].max()
    return 4 + 8 * (table[SIZE] - low) / max(high - low, 1e-9)

"""Settings that say where and with what something is computed, not what comes out."""

from __future__ import annotations

OF_THE_PLACE = frozenset(
    {
        *("data_path", "cache_dir", "run_root", "download", "state", "show_progress", "report", "gpu_id"),
        *("pair_engine", "ray_address", "ray_workers", "ray_worker_memory"),
        *("interactions_memory", "item_features_mapped", "image_private_hosts"),
        *("log_wandb", "wandb_project", "log_mlflow", "mlflow_tracking_uri", "mlflow_experiment"),
    }
)

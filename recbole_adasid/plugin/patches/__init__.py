"""Patches for RecBole itself, one file per bug."""

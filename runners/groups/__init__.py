"""Stable assignments of a large market into small groups (Wang 2019, sections 2 and 3)."""

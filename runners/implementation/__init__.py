"""Robust implementation: social choice functions that survive coalitions that misreport, whatever agents believe."""

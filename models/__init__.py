"""Concepts written as Pyomo models, one file per concept."""

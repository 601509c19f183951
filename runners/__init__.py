"""Solve, compose and certify: solver layer, recursion, verification, command line."""

"""Computed columns of Lance tables, filled by Apache Spark."""

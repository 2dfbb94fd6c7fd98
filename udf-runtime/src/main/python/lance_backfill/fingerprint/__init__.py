"""What a Python function computes, as a hash: see ``canonical``."""

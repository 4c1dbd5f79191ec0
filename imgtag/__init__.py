"""Label, query, and a provably complete bundle: imgtag."""

__version__ = "0.1.0"

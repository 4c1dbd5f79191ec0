"""The second table: what ends by itself. Bundles, their links, and records.

Items carry ``ttl``, and whoever reads them compares the time too: DynamoDB removes them days late.
"""

"""The moto server of tests/aws, with what Terraform asks beyond that, and a list of calls."""

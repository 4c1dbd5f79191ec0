"""Bytes in, bytes out: checksums, archives and the streams that feed them."""

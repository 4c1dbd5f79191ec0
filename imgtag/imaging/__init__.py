"""Looking at photos that may be hostile: decoded in child processes, within limits."""

"""The use cases, one module per noun. They know the ports and the domain, and nothing of HTTP."""

"""moto as a server of its own, with what AWS does and moto doesn't in front of it."""

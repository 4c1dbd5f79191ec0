"""How long properties are searched for a counterexample."""

from hypothesis import settings

# A busy machine is no reason to fail, so no example has a deadline.
settings.register_profile("imgtag", deadline=None, max_examples=50)
settings.load_profile("imgtag")

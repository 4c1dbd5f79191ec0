"""What imgtag is about: values and rules, with no I/O and no clock."""

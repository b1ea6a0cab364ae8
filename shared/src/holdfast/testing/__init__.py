"""What tests of every part need: fixtures, waiting, a proxy that misbehaves, child processes."""

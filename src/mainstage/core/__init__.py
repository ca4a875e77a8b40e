"""What every part needs: clock, codec, commands, policy, pickling. No thread, no screen."""

"""The commands, one file a verb: options → action → result. Nothing heavy is imported at module level."""

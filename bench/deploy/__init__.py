"""The parts of the deploy benchmark."""

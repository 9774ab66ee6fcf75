"""The solver beside other uses of python-sat."""

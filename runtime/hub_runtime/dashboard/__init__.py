"""What a class is doing: events of saves, summaries of notebooks, hands up."""

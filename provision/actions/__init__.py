"""What hubctl does, one file a verb: the only place that orders things."""

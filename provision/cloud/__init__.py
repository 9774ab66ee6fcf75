"""Where machines come from, behind one Protocol (`base.Cloud`)."""

"""How sessions end and are cleared away, stage by stage."""

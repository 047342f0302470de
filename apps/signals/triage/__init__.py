"""What the system itself does in triage: tells events, reopens what came back, resolves what is gone."""

"""What two or more apps share: no tables, no URLs, no AppConfig."""

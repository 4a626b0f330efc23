"""The Arrow tables under data/prepared: what every dataset looks like to the rest."""

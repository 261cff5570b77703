"""Configuration: schema, validation, composition, and safe reading of saved configurations."""

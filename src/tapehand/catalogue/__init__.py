"""Musical and product data as TOML, with sources."""

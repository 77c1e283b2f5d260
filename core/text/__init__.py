"""Make foreign text safe to read: invisible and look-alike characters, HTML as text."""

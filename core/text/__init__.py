"""Foreign text made safe to read: invisible and look-alike characters, HTML as text."""

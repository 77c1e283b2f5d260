"""What several screens are made of: the frame around them, and a text pane that draws only what is visible."""

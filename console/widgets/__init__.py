"""What several screens are made of: the frame around them, and a pane of text that draws only what is visible."""

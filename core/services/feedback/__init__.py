"""What comes back (bounces, complaints, unsubscribes) and what follows: rates, suppressions, consent."""

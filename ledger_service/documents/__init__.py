"""Documents for people, as PDF: what they say in each language, and how it is set."""

"""What goes on behind the requests: submitter, indexer, deadlines, notifier, and the loop that runs them."""

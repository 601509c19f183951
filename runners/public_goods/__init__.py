"""Public-goods economies: which outcomes are in the core, and what the Lindahl outcomes are."""

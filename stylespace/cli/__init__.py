"""The command line: parse, plan, print."""

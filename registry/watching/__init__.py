"""What the processes leave for people to see: lines of runs, dead letters, maps of discoveries, the bank's days."""

"""Learning, gate, export and the scheduled loop; the only folder with torch."""

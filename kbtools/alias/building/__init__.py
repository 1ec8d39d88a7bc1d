"""From knowledge bases to an alias table: names are staged, counted, weighed and compiled."""

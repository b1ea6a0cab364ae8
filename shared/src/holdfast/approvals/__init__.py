"""One approval workflow for limits, adjustments, releases and whatever else raises what a customer may owe."""

"""How much a customer may owe, and whether a change lets them owe more: what every door is measured by."""

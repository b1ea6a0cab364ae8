"""Open items, settlements, exposure and overdue figures: the same code in every service that needs them."""

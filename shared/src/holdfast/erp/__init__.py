"""A fake ERP: a seeded company's year, its replay on a simulated clock, and the demo's summary."""

"""PostgreSQL: pools, the unit of work, migrations, bulk helpers, jobs."""

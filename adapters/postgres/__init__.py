"""PostgreSQL: looks, sessions, who may write, dumps, and rows of another database."""

"""The schemas of both journals, one numbered pair of SQL files a change: up, and `.rollback` down.

`flows.migrating` applies them, through yoyo-migrations.  What was released is never edited.
"""

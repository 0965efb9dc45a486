"""All fixed SQL, named.  What depends on a table's name is written beside its use, by `quoted`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement.  `lasting` where it takes effect without a commit."""

    name: str
    text: str
    lasting: bool = False

    @property
    def commented(self) -> str:
        """Return the text behind its name, by which the server's own people know it."""
        name = self.name.replace("*", "").replace("%", "%%")
        return f"/* backout: {name} */ {self.text.strip()}"


def quoted(*names: str) -> str:
    """Write an identifier: `public`, `grades` becomes `"public"."grades"`.

    A percent sign is doubled, because statements with values are sent through a format.
    """
    return ".".join('"{}"'.format(each.replace('"', '""').replace("%", "%%")) for each in names)


BEGIN_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
COMMIT = "COMMIT"

# Texts of times and numbers are the same for every server and role; rows that a policy would hide
# are an error instead.
LIMITS = Statement(
    name="limits",
    text="""
SELECT set_config('statement_timeout', %s, true),
       set_config('lock_timeout', %s, true),
       set_config('idle_in_transaction_session_timeout', %s, true),
       set_config('row_security', 'off', true),
       set_config('timezone', 'UTC', true),
       set_config('datestyle', 'ISO, YMD', true),
       set_config('intervalstyle', 'postgres', true),
       set_config('extra_float_digits', '3', true),
       set_config('bytea_output', 'hex', true)
""",
)

IDENTITY = Statement(
    name="identity",
    text="""
SELECT current_user::text, pg_catalog.current_database()::text, c.system_identifier::text,
       d.oid::bigint, pg_catalog.pg_is_in_recovery(),
       pg_catalog.current_setting('server_version_num')::int,
       pg_catalog.pg_postmaster_start_time()::text
  FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d
 WHERE d.datname = pg_catalog.current_database()
""",
)

# What kind of backend the others are, pg_stat_activity tells few roles; how many, everybody knows.
STATE = Statement(
    name="state",
    text="""
SELECT pg_catalog.current_setting('server_version'),
       pg_catalog.current_setting('max_connections')::int,
       (SELECT sum(numbackends)::int - 1 FROM pg_catalog.pg_stat_database)
""",
)

# Without a right to see them, other roles' transactions look as if there were none.
ROLES = Statement(
    name="roles",
    text="""
SELECT rolname::text, rolsuper, rolreplication, rolcanlogin,
       pg_catalog.pg_has_role(oid, 'USAGE')
           OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
       pg_catalog.pg_has_role(oid, 'USAGE')
           OR NOT rolsuper AND pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')
  FROM pg_catalog.pg_roles WHERE rolname = ANY(%s) ORDER BY rolname
""",
)

LOGIN_ROLES = Statement(
    name="login_roles",
    text="""
SELECT rolname::text FROM pg_catalog.pg_roles
 WHERE rolcanlogin AND rolname <> current_user ORDER BY rolname
""",
)

FORGET = Statement(name="forget", text="SELECT pg_catalog.pg_stat_clear_snapshot()")

OPEN_TRANSACTIONS = Statement(
    name="open_transactions",
    text="""
SELECT usename::text, pid, coalesce(state, ''), coalesce(application_name, ''),
       greatest(0, extract(epoch FROM pg_catalog.clock_timestamp() - xact_start))::int
  FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND xact_start IS NOT NULL
   AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'
   AND usename = ANY(%s)
   AND NOT (usename = current_user AND application_name LIKE 'backout %%')
UNION ALL
SELECT owner::text, 0, 'prepared', gid,
       greatest(0, extract(epoch FROM pg_catalog.clock_timestamp() - prepared))::int
  FROM pg_catalog.pg_prepared_xacts
 WHERE database = pg_catalog.current_database() AND owner = ANY(%s)
 ORDER BY 5 DESC, 1, 2
""",
)

SESSIONS = Statement(
    name="sessions",
    text="""
SELECT pid, usename::text, backend_start::text, coalesce(application_name, ''),
       coalesce(pg_catalog.host(client_addr), ''), coalesce(state, '')
  FROM pg_catalog.pg_stat_activity
 WHERE usename = ANY(%s) AND pid <> pg_catalog.pg_backend_pid()
   AND (datname = pg_catalog.current_database() AND backend_type = 'client backend'
        OR backend_type = 'walsender')
   AND NOT (usename = current_user AND application_name LIKE 'backout %%')
 ORDER BY usename, backend_start, pid
""",
)

END_SESSIONS = Statement(
    name="end_sessions",
    text="""
SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid)
  FROM pg_catalog.pg_stat_activity a
  JOIN ROWS FROM (pg_catalog.unnest(%s::int[]), pg_catalog.unnest(%s::timestamptz[]))
       AS w(pid, started)
    ON a.pid = w.pid AND a.backend_start = w.started
 WHERE a.pid <> pg_catalog.pg_backend_pid()
""",
    lasting=True,
)

NOW = Statement(name="now", text="SELECT pg_catalog.clock_timestamp()::text")

OLD_SESSIONS = Statement(
    name="old_sessions",
    text="""
SELECT pid, usename::text, backend_start::text, coalesce(application_name, ''),
       coalesce(pg_catalog.host(client_addr), ''), coalesce(state, '')
  FROM pg_catalog.pg_stat_activity
 WHERE usename = ANY(%s) AND backend_start <= %s::timestamptz
   AND pid <> pg_catalog.pg_backend_pid()
   AND datname = pg_catalog.current_database() AND backend_type = 'client backend'
   AND NOT (usename = current_user AND application_name LIKE 'backout %%')
 ORDER BY usename, backend_start, pid
""",
)

# Who may alter a role changed with version 16.
WRITING = Statement(
    name="writing",
    text="""
SELECT r.rolname::text,
       (SELECT pg_catalog.split_part(c, '=', 2) FROM pg_catalog.unnest(s.setconfig) c
         WHERE c LIKE 'default_transaction_read_only=%%'),
       coalesce((SELECT pg_catalog.split_part(c, '=', 2)
          FROM pg_catalog.pg_db_role_setting w, pg_catalog.unnest(w.setconfig) c
         WHERE (w.setrole, w.setdatabase) IN ((r.oid, 0), (0, d.oid))
           AND c LIKE 'default_transaction_read_only=%%'
         ORDER BY w.setdatabase LIMIT 1), 'off'),
       me.rolsuper OR r.oid = me.oid
         OR NOT r.rolsuper AND me.rolcreaterole
            AND (pg_catalog.current_setting('server_version_num')::int < 160000
                 OR pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))
  FROM pg_catalog.pg_roles r
  JOIN pg_catalog.pg_roles me ON me.rolname = current_user
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = d.oid
 WHERE r.rolname = ANY(%s) ORDER BY r.rolname
""",
)

OTHER_WRITERS = Statement(
    name="other_writers",
    text="""
SELECT r.rolname::text FROM pg_catalog.pg_roles r
 WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
   AND r.rolname <> ALL(%s)
   AND pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CONNECT')
   AND EXISTS (
       SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%'
          AND n.nspname <> 'information_schema'
          AND pg_catalog.has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
 ORDER BY r.rolname
""",
)

SIZE = Statement(
    name="size",
    text="""
SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint,
       count(*) FILTER (WHERE c.relkind IN ('r', 'p'))::int,
       coalesce(pg_catalog.array_agg(n.nspname || '.' || c.relname ORDER BY n.nspname, c.relname)
           FILTER (WHERE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')), '{}')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'S') AND n.nspname NOT LIKE 'pg\\_%%'
   AND n.nspname <> 'information_schema'
   AND (%s::text[] = '{}' OR n.nspname || '.' || c.relname = ANY(%s))
""",
)

//! The whole database as one `SQLite` file, whatever the engine, and back.
//!
//! The file has the tables of [`super::Store::open`], so that it is opened, verified and restored like any other. Tables
//! and columns are read from the schema, never listed here: what a later migration adds is copied too.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool, QueryBuilder, Row as _, SqlitePool};

use super::{Error, Result, Store};

/// Cells of one INSERT: below both engines' limit of parameters.
const CELLS_PER_INSERT: usize = 20_000;
/// sqlx's own table, which each database keeps for itself.
const MIGRATIONS: &str = "_sqlx_migrations";

/// The table that refuses DELETE; in a database that is filled it is empty.
const LEDGER: &str = "ledger";

/// A value of a row.
#[derive(Debug, Clone)]
enum Cell {
    Int(i64),
    Text(String),
}

/// A table as the schema describes it.
#[derive(Debug)]
struct Table {
    name: String,
    /// Each column's name, and whether it holds a text.
    columns: Vec<(String, bool)>,
    /// The tables that its rows refer to.
    parents: Vec<String>,
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    }

    /// Reads every row of PostgreSQL's table in the types of the file.
    fn select(&self) -> String {
        let cast = |(name, text): &(String, bool)| {
            format!("CAST(\"{name}\" AS {}) AS \"{name}\"", if *text { "TEXT" } else { "BIGINT" })
        };
        let columns: Vec<String> = self.columns.iter().map(cast).collect();
        format!("SELECT {} FROM \"{}\"", columns.join(", "), self.name)
    }

    fn insert(&self) -> String {
        format!("INSERT INTO \"{}\" ({}) ", self.name, self.names())
    }

    fn rows_per_insert(&self) -> usize {
        (CELLS_PER_INSERT / self.columns.len().max(1)).max(1)
    }
}

/// Reads a row's cells, of either engine, in the order of the table's columns.
macro_rules! cells {
    ($table:expr, $row:expr) => {{
        let mut cells = Vec::with_capacity($table.columns.len());
        for (place, (_, text)) in $table.columns.iter().enumerate() {
            cells.push(if *text { Cell::Text($row.try_get(place)?) } else { Cell::Int($row.try_get(place)?) });
        }
        cells
    }};
}

/// Inserts rows of cells, into either engine.
macro_rules! insert_cells {
    ($connection:expr, $table:expr, $rows:expr) => {{
        let mut builder = QueryBuilder::new($table.insert());
        builder.push_values($rows.iter(), |mut values, row: &Vec<Cell>| {
            for cell in row {
                match cell {
                    Cell::Int(number) => values.push_bind(*number),
                    Cell::Text(text) => values.push_bind(text.clone()),
                };
            }
        });
        builder.build().execute(&mut *$connection).await?;
    }};
}

/// Takes every row of a stream to the other engine; how many.
macro_rules! carry {
    ($stream:expr, $table:expr, $to:expr) => {{
        let (mut rows, mut carried) = (Vec::new(), 0_u64);
        while let Some(row) = $stream.try_next().await? {
            rows.push(cells!($table, row));
            if rows.len() >= $table.rows_per_insert() {
                insert_cells!($to, $table, rows);
                carried += rows.len() as u64;
                rows.clear();
            }
        }
        if !rows.is_empty() {
            insert_cells!($to, $table, rows);
            carried += rows.len() as u64;
        }
        carried
    }};
}

impl Store {
    /// Writes the whole database, as it is at one instant, into a file that must not exist yet. The daemon may go on.
    pub async fn copy_into(&self, path: &Path) -> Result<()> {
        match self {
            Self::Sqlite { read, .. } => {
                sqlx::query("VACUUM INTO $1").bind(path.display().to_string()).execute(read).await?;
                Ok(())
            }
            Self::Postgres(pool) => from_postgres(pool, path).await,
        }
    }

    /// Fills an empty database from such a file, in one transaction. The file's tables must be of this version.
    pub async fn fill_from(&self, file: &Self) -> Result<()> {
        let (Self::Postgres(pool), Self::Sqlite { write, .. }) = (self, file) else { return Err(Error::NotEmpty) };
        into_postgres(pool, write).await
    }
}

impl Store {
    /// Says whether the database itself would let the ledger be changed: what refuses it is missing or is something else,
    /// or another trigger stands beside it. `None` where all is as the migrations made it.
    pub async fn unguarded(&self) -> Result<Option<String>> {
        let (found, expected): (Vec<(String, String)>, _) = match self {
            Self::Sqlite { read, .. } => {
                (sqlx::query_as(SQLITE_GUARDS).fetch_all(read).await?, SQLITE_GUARD_TEXTS.as_slice())
            }
            Self::Postgres(pool) => {
                (sqlx::query_as(POSTGRES_GUARDS).fetch_all(pool).await?, POSTGRES_GUARD_TEXTS.as_slice())
            }
        };
        let whole = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(expected.iter().copied());
        Ok((!whole).then(|| {
            "the database does not refuse changes of the ledger any more: its triggers are not those that vigie made".to_owned()
        }))
    }
}

/// Says what is wrong with a file that should be such a copy; `None` where it is whole.
pub async fn damage(path: &Path) -> Result<Option<String>> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let failed = |cause: sqlx::Error| Ok(Some(cause.to_string()));
    let mut connection = match options.connect().await {
        Ok(connection) => connection,
        Err(cause) => return failed(cause),
    };
    let said: Result<String, sqlx::Error> =
        sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await;
    let head: Result<i64, sqlx::Error> = sqlx::query_scalar("SELECT seq FROM head").fetch_one(&mut connection).await;
    connection.close().await?;
    match (said, head) {
        (Ok(said), Ok(_)) if said == "ok" => Ok(None),
        (Ok(said), _) if said != "ok" => Ok(Some(said)),
        (Err(cause), _) | (_, Err(cause)) => failed(cause),
        (Ok(_), Ok(_)) => Ok(None),
    }
}

async fn from_postgres(pool: &PgPool, path: &Path) -> Result<()> {
    let file = Store::open_sqlite(path).await?;
    let Store::Sqlite { write, .. } = &file else { return Err(Error::NotEmpty) };
    let tables = tables(write).await?;
    let mut from = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut to = write.begin_with("BEGIN IMMEDIATE").await?;
    for table in &tables {
        if table.name != LEDGER {
            let clear = format!("DELETE FROM \"{}\"", table.name);
            sqlx::query(AssertSqlSafe(clear)).execute(&mut *to).await?;
        }
        let mut stream = sqlx::query(AssertSqlSafe(table.select())).fetch(&mut *from);
        carry!(stream, table, to);
    }
    to.commit().await?;
    from.rollback().await?;
    file.close().await;
    Ok(())
}

async fn into_postgres(pool: &PgPool, file: &SqlitePool) -> Result<()> {
    let tables = tables(file).await?;
    let mut from = file.acquire().await?;
    let mut to = pool.begin().await?;
    let entries: i64 = sqlx::query_scalar("SELECT seq FROM head FOR UPDATE").fetch_one(&mut *to).await?;
    if entries != 0 {
        return Err(Error::NotEmpty);
    }
    for table in &tables {
        if table.name != LEDGER {
            let clear = format!("DELETE FROM \"{}\"", table.name);
            sqlx::query(AssertSqlSafe(clear)).execute(&mut *to).await?;
        }
        let select = format!("SELECT {} FROM \"{}\"", table.names(), table.name);
        let mut stream = sqlx::query(AssertSqlSafe(select)).fetch(&mut *from);
        carry!(stream, table, to);
    }
    // Numbers that the database gives by itself go on after those that came with the rows.
    let numbered: Vec<(String, String)> = sqlx::query_as(NUMBERED).fetch_all(&mut *to).await?;
    for (table, column) in numbered {
        let sequence = format!(
            "SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), MAX(\"{column}\")) FROM \"{table}\""
        );
        sqlx::query(AssertSqlSafe(sequence)).execute(&mut *to).await?;
    }
    Ok(to.commit().await?)
}

/// The tables of the file, each after those that its rows refer to.
async fn tables(file: &SqlitePool) -> Result<Vec<Table>> {
    let mut connection = file.acquire().await?;
    let names: Vec<String> = sqlx::query_scalar(TABLES).bind(MIGRATIONS).fetch_all(&mut *connection).await?;
    let mut left = Vec::new();
    for name in names {
        left.push(table(&mut connection, name).await?);
    }
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let known = |parent: &String| ordered.iter().any(|table| table.name == *parent);
        let place = left.iter().position(|table| table.parents.iter().all(known)).unwrap_or_default();
        ordered.push(left.remove(place));
    }
    Ok(ordered)
}

async fn table(connection: &mut SqliteConnection, name: String) -> Result<Table> {
    let rows: Vec<SqliteRow> = sqlx::query(COLUMNS).bind(name.clone()).fetch_all(&mut *connection).await?;
    let mut columns = Vec::new();
    for row in rows {
        let kind: String = row.try_get(1)?;
        columns.push((row.try_get(0)?, kind.eq_ignore_ascii_case("TEXT")));
    }
    let parents: Vec<String> = sqlx::query_scalar(PARENTS).bind(name.clone()).fetch_all(&mut *connection).await?;
    Ok(Table { parents: parents.into_iter().filter(|parent| *parent != name).collect(), name, columns })
}

const SQLITE_GUARDS: &str = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name";
/// The triggers as the migrations wrote them: `SQLite` keeps their very text.
const SQLITE_GUARD_TEXTS: [(&str, &str); 3] = [
    (
        "ledger_refuses_delete",
        "CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON ledger\n\
         BEGIN SELECT RAISE(ABORT, 'the ledger only grows: DELETE refused'); END",
    ),
    (
        "ledger_refuses_replace",
        "CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON ledger\n\
         WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq)\n\
         BEGIN SELECT RAISE(ABORT, 'the ledger only grows: REPLACE refused'); END",
    ),
    (
        "ledger_refuses_update",
        "CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger\n\
         BEGIN SELECT RAISE(ABORT, 'the ledger only grows: UPDATE refused'); END",
    ),
];
/// The triggers that are switched on, each with what sets it off and what it carries out.
const POSTGRES_GUARDS: &str = "SELECT t.tgname::TEXT, pg_get_triggerdef(t.oid, true) || p.prosrc FROM pg_trigger t \
     JOIN pg_proc p ON p.oid = t.tgfoid \
     WHERE t.tgrelid = 'ledger'::regclass AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') ORDER BY t.tgname";
const POSTGRES_GUARD_TEXTS: [(&str, &str); 2] = [
    (
        "ledger_refuses_change",
        "CREATE TRIGGER ledger_refuses_change BEFORE DELETE OR UPDATE ON ledger FOR EACH ROW \
         EXECUTE FUNCTION ledger_only_grows()\n\
         BEGIN\n    RAISE EXCEPTION 'the ledger only grows: % refused', TG_OP;\nEND ",
    ),
    (
        "ledger_refuses_truncate",
        "CREATE TRIGGER ledger_refuses_truncate BEFORE TRUNCATE ON ledger FOR EACH STATEMENT \
         EXECUTE FUNCTION ledger_only_grows()\n\
         BEGIN\n    RAISE EXCEPTION 'the ledger only grows: % refused', TG_OP;\nEND ",
    ),
];
const NUMBERED: &str = "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns \
     WHERE table_schema = current_schema() AND is_identity = 'YES'";
const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> $1 \
     ORDER BY name";
const COLUMNS: &str = "SELECT name, type FROM pragma_table_info($1) ORDER BY cid";
const PARENTS: &str = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)";

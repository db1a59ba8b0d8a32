//! Files of backtest runs in PostgreSQL, and the deletion of runs.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension as _, PgConnection, RunQueryDsl as _};
use tickbook::db::{DbError, transaction};

use super::backtest_rows::{FileColumns, FileRow};
use super::backtests::{bytes, find, id, lock};
use super::statement::{Parameter, Selection, Statement, StatementText};
use super::strategy_store::push_scope;
use crate::domain::{AccountScope, Artifact, BacktestRunId, ContentHash, NewArtifact, RunArtifact};
use crate::repository::{DeletedRun, artifact_taken, missing_run};

struct Files;

impl StatementText for Files {
    const SQL: &'static str = "SELECT f.name, f.sha256, f.media_type, c.size FROM run_artifacts f \
         JOIN artifacts c ON c.sha256 = f.sha256 WHERE f.run_id = ? ORDER BY f.name COLLATE \"C\"";
    type Row = FileColumns;
}

/// The files of a run of any scope.
fn files(
    connection: &mut PgConnection,
    run_id: BacktestRunId,
) -> Result<Vec<RunArtifact>, DbError> {
    let rows: Vec<FileRow> = Statement::<Files>::new([id(run_id)]).load(connection)?;
    let files = rows.into_iter().map(|row| row.into_file(run_id));
    Ok(files.collect::<Result<_, _>>()?)
}

pub(super) fn list(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
) -> Result<Vec<RunArtifact>, DbError> {
    let run = find(connection, scope, run_id)?;
    run.ok_or_else(|| missing_run(run_id))?;
    files(connection, run_id)
}

/// A known content is written again, so that no concurrent deletion removes it.
struct InsertContent;

impl StatementText for InsertContent {
    const SQL: &'static str = "INSERT INTO artifacts (sha256, size, content, created_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (sha256) DO UPDATE SET size = excluded.size";
    type Row = BigInt;
}

struct InsertFile;

impl StatementText for InsertFile {
    const SQL: &'static str =
        "INSERT INTO run_artifacts (run_id, name, sha256, media_type) VALUES (?, ?, ?, ?)";
    type Row = BigInt;
}

/// Attaches a checked file.
pub(super) fn put(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
    artifact: &NewArtifact,
    now: DateTime<Utc>,
) -> Result<RunArtifact, DbError> {
    let described = RunArtifact::of(artifact);
    transaction(connection, |connection| {
        lock(connection, scope, run_id)?;
        let known = files(connection, run_id)?;
        match known.iter().find(|it| it.name == artifact.name) {
            Some(known) if *known == described => return Ok(described.clone()),
            Some(_) => return Err(artifact_taken(run_id, &artifact.name).into()),
            None => {}
        }
        let content = Statement::<InsertContent>::new([
            bytes(described.sha256),
            // at most 16 MiB
            Parameter::BigInt(artifact.content.len() as i64),
            Parameter::Bytes(artifact.content.clone()),
            Parameter::Time(now),
        ]);
        content.execute(connection)?;
        let file = Statement::<InsertFile>::new([
            id(run_id),
            Parameter::Text(artifact.name.clone()),
            bytes(described.sha256),
            Parameter::Text(artifact.media_type.clone()),
        ]);
        file.execute(connection)?;
        Ok(described.clone())
    })
}

pub(super) fn get(
    connection: &mut PgConnection,
    scope: &AccountScope,
    sha256: ContentHash,
) -> Result<Option<Artifact>, DbError> {
    let mut select = Selection::<(Text, Binary)>::new("SELECT f.media_type, c.content");
    select.push(
        " FROM run_artifacts f JOIN artifacts c ON c.sha256 = f.sha256 \
         JOIN backtest_runs r ON r.run_id = f.run_id JOIN accounts a ON a.account_id = r.account_id \
         WHERE f.sha256 = ?",
        [bytes(sha256)],
    );
    push_scope(&mut select, scope);
    select.push(" ORDER BY f.run_id, f.name COLLATE \"C\" LIMIT 1", []);
    let row: Option<(String, Vec<u8>)> = select.load(connection)?.pop();
    Ok(row.map(|(media_type, content)| Artifact::new(media_type, content)))
}

struct LockHead;

impl StatementText for LockHead {
    const SQL: &'static str = "SELECT sequence FROM account_heads WHERE account_id = ? FOR UPDATE";
    type Row = BigInt;
}

/// The rows of the account follow by its triggers and foreign keys.
struct DeleteAccount;

impl StatementText for DeleteAccount {
    const SQL: &'static str = "DELETE FROM accounts WHERE account_id = ?";
    type Row = BigInt;
}

/// Runs that attach one of these contents wait, and then attach it again.
struct LockContents;

impl StatementText for LockContents {
    const SQL: &'static str =
        "SELECT sha256 FROM artifacts WHERE sha256 = ANY(?) ORDER BY sha256 FOR UPDATE";
    type Row = Binary;
}

struct DeleteContents;

impl StatementText for DeleteContents {
    const SQL: &'static str = "DELETE FROM artifacts c WHERE c.sha256 = ANY(?) \
         AND NOT EXISTS (SELECT FROM run_artifacts f WHERE f.sha256 = c.sha256)";
    type Row = BigInt;
}

pub(super) fn delete_run(
    connection: &mut PgConnection,
    scope: &AccountScope,
    run_id: BacktestRunId,
) -> Result<DeletedRun, DbError> {
    transaction(connection, |connection| {
        let account_id = lock(connection, scope, run_id)?.account_id;
        let account = || Parameter::BigInt(account_id.get());
        // writers of the account hold its head before they use the account
        let head = Statement::<LockHead>::new([account()]);
        let events: Option<i64> = head.get_result(connection).optional()?;
        let files = files(connection, run_id)?;
        Statement::<DeleteAccount>::new([account()]).execute(connection)?;
        let hashes = || {
            let hashes = files.iter().map(|it| Some(it.sha256.as_bytes().to_vec()));
            [Parameter::Hashes(hashes.collect())]
        };
        let _: Vec<Vec<u8>> = Statement::<LockContents>::new(hashes()).load(connection)?;
        // a statement of its own sees which runs attached a content before
        let contents = Statement::<DeleteContents>::new(hashes()).execute(connection)?;
        let events = events.unwrap_or_default();
        Ok(DeletedRun::new(run_id, account_id, events, contents as u64))
    })
}

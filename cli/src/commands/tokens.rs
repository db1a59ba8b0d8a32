//! `tickbook tokens`.

use std::path::PathBuf;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tickbook::Clock;
use tickbook::config::SettingsReader;
use tickbook_access::{Scope, Token, TokenFile, TokenRecord};

use crate::Outcome;
use crate::args::{
    AddTokenArguments, Expiry, ListTokensArguments, RevokeTokenArguments, TokensCommand,
    TokensFileArguments,
};
use crate::report::{print, print_json};
use crate::table::table;
use crate::times::time_text;

const HEADER: [&str; 5] = ["NAME", "SCOPES", "CREATED", "EXPIRES", "REQUESTS/S"];

/// A token as JSON.
#[derive(Debug, Serialize)]
struct TokenOutput<'a> {
    name: &'a str,
    scopes: Vec<Scope>,
    created_at: String,
    expires_at: Option<String>,
    expired: bool,
    requests_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    /// The token itself, when it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> TokenOutput<'a> {
    fn new(record: &'a TokenRecord, now: DateTime<Utc>) -> Self {
        Self {
            name: &record.name,
            scopes: record.scopes.iter().copied().collect(),
            created_at: time_text(record.created_at),
            expires_at: record.expires_at.map(time_text),
            expired: !record.is_valid_at(now),
            requests_per_second: record.requests_per_second,
            user: record.user.as_deref(),
            token: None,
        }
    }
}

pub(crate) fn run(command: &TokensCommand, clock: &Clock) -> anyhow::Result<Outcome> {
    match command {
        TokensCommand::Add(arguments) => add(arguments, clock.now())?,
        TokensCommand::List(arguments) => list(arguments, clock.now())?,
        TokensCommand::Revoke(arguments) => revoke(arguments, clock.now())?,
    }
    Ok(Outcome::Complete)
}

fn add(arguments: &AddTokenArguments, now: DateTime<Utc>) -> anyhow::Result<()> {
    let file = file(&arguments.file)?;
    let token = Token::generate()?;
    let scopes = arguments.scopes.iter().copied();
    let mut record = TokenRecord::new(&arguments.name, token.digest(), scopes, now)?;
    if let Some(expiry) = arguments.expires {
        record = record.expires_at(match expiry {
            Expiry::After(length) => now + length.delta(),
            Expiry::At(time) => time,
        })?;
    }
    if let Some(number) = arguments.requests_per_second {
        record = record.requests_per_second(number)?;
    }
    if let Some(user) = &arguments.user {
        record = record.user(user)?;
    }
    file.add(record.clone())?;
    if arguments.json {
        return print_json(&TokenOutput {
            token: Some(token.expose()),
            ..TokenOutput::new(&record, now)
        });
    }
    print(token.expose())?;
    let name = &record.name;
    eprintln!("added {name}; this token is not shown again");
    Ok(())
}

fn list(arguments: &ListTokensArguments, now: DateTime<Utc>) -> anyhow::Result<()> {
    let (tokens, _) = file(&arguments.file)?.read()?;
    if arguments.json {
        let outputs = tokens.records().iter();
        return outputs
            .map(|record| TokenOutput::new(record, now))
            .try_for_each(|output| print_json(&output));
    }
    let rows: Vec<_> = tokens.records().iter().map(|it| row(it, now)).collect();
    match rows.is_empty() {
        true => {
            eprintln!("there is no token yet");
            Ok(())
        }
        false => print(&table(HEADER, &rows)),
    }
}

fn row(record: &TokenRecord, now: DateTime<Utc>) -> [String; HEADER.len()] {
    let time = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let scopes: Vec<_> = record.scopes.iter().map(|scope| scope.as_str()).collect();
    let expires = match record.expires_at {
        None => "never".to_owned(),
        Some(end) if record.is_valid_at(now) => time(end),
        Some(end) => format!("{} (expired)", time(end)),
    };
    let limit = record.requests_per_second;
    [
        record.name.clone(),
        scopes.join(","),
        time(record.created_at),
        expires,
        limit.map_or(String::new(), |number| number.to_string()),
    ]
}

fn revoke(arguments: &RevokeTokenArguments, now: DateTime<Utc>) -> anyhow::Result<()> {
    let revoked = file(&arguments.file)?.revoke(&arguments.name)?;
    match arguments.json {
        true => print_json(&TokenOutput::new(&revoked, now)),
        false => print(&format!("revoked {}", revoked.name)),
    }
}

/// The file that the arguments or the settings name.
fn file(arguments: &TokensFileArguments) -> anyhow::Result<TokenFile> {
    if let Some(file) = &arguments.file {
        return Ok(TokenFile::new(file));
    }
    let settings = SettingsReader::own().read(|it| Some(it.text("access.tokens_file")))?;
    let file = PathBuf::from(settings.program);
    if file.as_os_str().is_empty() {
        bail!("no tokens file is set: give one with --file, or set access.tokens_file");
    }
    Ok(TokenFile::new(file))
}

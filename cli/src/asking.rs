//! Asks for confirmation before data is deleted.

use std::io::{self, IsTerminal as _, Write as _};

use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A question for a terminal, and the messages if it cannot be asked or is declined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) text: &'static str,
    pub(crate) not_asked: &'static str,
    pub(crate) declined: &'static str,
}

impl Question {
    /// Asks, and returns whether the answer is yes; with JSON or without a terminal, returns false without
    /// asking.
    pub(crate) async fn ask(self, json: bool) -> anyhow::Result<bool> {
        let mut stderr = io::stderr();
        if json || !io::stdin().is_terminal() || !stderr.is_terminal() {
            writeln!(stderr, "{}", self.not_asked)?;
            return Ok(false);
        }
        write!(stderr, "{} [y/N] ", self.text)?;
        stderr.flush()?;
        let mut answer = String::new();
        BufReader::new(tokio::io::stdin())
            .read_line(&mut answer)
            .await?;
        let is_yes = matches!(answer.trim(), "y" | "Y" | "yes");
        if !is_yes {
            writeln!(stderr, "{}", self.declined)?;
        }
        Ok(is_yes)
    }
}

//! Asking before something is lost.

use std::io::{self, IsTerminal as _, Write as _};

use tokio::io::{AsyncBufReadExt as _, BufReader};

/// What is asked on a terminal, and what is said where it cannot be, or is not wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) text: &'static str,
    pub(crate) not_asked: &'static str,
    pub(crate) declined: &'static str,
}

impl Question {
    /// Whether the answer is yes; never with JSON, or without a terminal.
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

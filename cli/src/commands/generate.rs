//! `tickbook completions` and `tickbook man`.

use std::io;

use clap::CommandFactory as _;

use crate::Outcome;
use crate::args::{Arguments, CompletionsArguments};
use crate::report::print_bytes;

pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "tickbook",
        &mut script,
    );
    print_bytes(&script)?;
    Ok(Outcome::Complete)
}

pub(crate) fn man() -> anyhow::Result<Outcome> {
    let mut pages = Vec::new();
    let mut command = Arguments::command();
    command.build();
    render(&command, &mut pages)?;
    print_bytes(&pages)?;
    Ok(Outcome::Complete)
}

/// Renders one page: that of the program, followed by one for each command.
fn render(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    man.render(page)?;
    let inner = command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help");
    for inner in inner {
        render(inner, page)?;
    }
    Ok(())
}

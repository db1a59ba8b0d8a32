//! Tests of `/openapi.json` with programs of others: a validator, and a generated client.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::binary::Program;

/// The programs, and a folder with the description of a running server.
struct Tools {
    server: Program,
    folder: TempDir,
}

impl Tools {
    fn start() -> Self {
        let server = Program::start(&["--store", "memory", "--feed", "simulated"], &[]);
        let folder = tempfile::tempdir().expect("a folder");
        let text = server.get_text("/openapi.json");
        std::fs::write(folder.path().join("openapi.json"), text).expect("written");
        Self { server, folder }
    }

    fn description(&self) -> PathBuf {
        self.folder.path().join("openapi.json")
    }
}

/// Runs a program and returns what it prints.
fn run(program: &Path, set_up: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(program);
    set_up(&mut command);
    let output = command.output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn validator_accepts_the_description() {
    let Some(validator) = suite::program("openapi-spec-validator") else {
        return;
    };
    let tools = Tools::start();
    let said = run(&validator, |command| {
        command
            .arg("--subschema-errors=all")
            .arg(tools.description());
    });
    assert!(said.contains("OK"), "{said}");
}

#[test]
fn generated_client_reads_and_writes() {
    let Some(generator) = suite::program("openapi-python-client") else {
        return;
    };
    let tools = Tools::start();
    let client = tools.folder.path().join("client");
    let config = tools.folder.path().join("config.yml");
    std::fs::write(&config, "post_hooks: []\n").expect("written");
    let said = run(&generator, |command| {
        let path = tools.description();
        command.arg("generate").arg("--path").arg(path);
        command.arg("--meta=none").arg("--output-path").arg(&client);
        command.arg("--config").arg(config);
    });
    // the generator knows only JSON, forms and files as bodies
    let known = "Unsupported content type text/csv";
    let unknown = said.matches("WARNING").count() - said.matches(known).count();
    assert_eq!(unknown, 0, "{said}");
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/server/generated_client.py"
    );
    let said = run(&generator.with_file_name("python"), |command| {
        command
            .arg(script)
            .arg(format!("http://{}", tools.server.address()));
        command.env("PYTHONPATH", tools.folder.path());
    });
    assert_eq!(said.trim(), "ok");
}

//! The oldest supported toolchain against the dependencies and the files that state it.

use std::process::Command;

use serde_json::Value;

const CARGO: &str = include_str!("../../Cargo.toml");
const CLIPPY: &str = include_str!("../../clippy.toml");
const README: &str = include_str!("../../README.md");
const DEPENDENCIES: &str = include_str!("../../dev/dependencies");

/// The version after `key = "` at the start of a line.
fn version<'a>(text: &'a str, key: &str) -> &'a str {
    let start = format!("{key} = \"");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no {key}"))
}

/// Major and minor number.
fn numbers(version: &str) -> (u64, u64) {
    let mut parts = version.split('.').map(|part| part.parse().expect("digits"));
    let major = parts.next().expect("a major number");
    (major, parts.next().unwrap_or(0))
}

/// All packages of the lock file; `None` if cargo cannot read them here.
fn packages() -> Option<Vec<Value>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // crates of other platforms are read too, which a build does not download
    for network in [&["--offline"][..], &[]] {
        let output = Command::new(&cargo)
            .args([
                "metadata",
                "--locked",
                "--format-version",
                "1",
                "--all-features",
            ])
            .args(network)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo");
        if output.status.success() {
            let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            return metadata["packages"].as_array().cloned();
        }
    }
    None
}

#[test]
fn locked_crates_support_the_oldest_toolchain() {
    let Some(packages) = packages() else {
        suite::skip("crates of other platforms cannot be downloaded");
        return;
    };
    let oldest = numbers(version(CARGO, "rust-version"));
    let mut stating = 0;
    let mut newer = Vec::new();
    for package in &packages {
        let Some(needed) = package["rust_version"].as_str() else {
            continue;
        };
        stating += 1;
        if numbers(needed) > oldest {
            newer.push(format!(
                "{} {} needs Rust {needed}",
                package["name"], package["version"]
            ));
        }
    }
    assert!(stating > 100, "{stating} of {} crates", packages.len());
    assert!(
        newer.is_empty(),
        "lock older versions with `cargo update --precise`:\n{}",
        newer.join("\n")
    );
}

#[test]
fn oldest_toolchain_is_stated_alike() {
    let oldest = version(CARGO, "rust-version");
    assert_eq!(version(CLIPPY, "msrv"), oldest);
    for text in [README, DEPENDENCIES] {
        let (_, stated) = text.split_once("Rust 1.").expect("a version of Rust");
        assert!(format!("1.{stated}").starts_with(oldest), "{oldest}");
    }
}

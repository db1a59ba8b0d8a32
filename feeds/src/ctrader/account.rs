//! The address and the credentials of an account.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// What begins the names of the environment variables.
const PREFIX: &str = "CTRADER_";

/// The address and the credentials of an account. Its `Debug` form has no password.
#[derive(Clone)]
#[non_exhaustive]
pub struct CtraderAccount {
    /// The address of the quotes of the broker: `tls://host:5211`, or `tcp://host:5201` without TLS.
    pub address: String,
    /// `<environment>.<broker>.<login>`, such as `demo.pepperstone.1234567`.
    pub sender_comp_id: String,
    /// The login, a number. The default is the last part of `sender_comp_id`.
    pub username: String,
    /// The password of FIX, which is not that of the account.
    pub password: SecretString,
}

/// Why there is no account. Holds no value that may be secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAccount {
    /// A setting is absent. Holds where it was looked for.
    #[error("no {name} of the cTrader account: set {place}")]
    Missing {
        /// The name of the setting.
        name: &'static str,
        /// The environment variables or the file.
        place: String,
    },
    /// A file cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not a JSON object with these settings.
    #[error(
        "{}, line {line}: expected a JSON object with the texts address, sender_comp_id, username and password",
        .path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line of the first error.
        line: usize,
    },
    /// A value cannot be used.
    #[error("invalid {name} of the cTrader account: it {reason}")]
    Invalid {
        /// The name of the setting.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The settings of a file, or those that the environment has.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    address: Option<String>,
    sender_comp_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl CtraderAccount {
    /// An account. The username is the last part of `sender_comp_id`.
    #[must_use]
    pub fn new(
        address: impl Into<String>,
        sender_comp_id: impl Into<String>,
        password: impl Into<SecretString>,
    ) -> Self {
        let sender_comp_id = sender_comp_id.into();
        Self {
            address: address.into(),
            username: login(&sender_comp_id),
            sender_comp_id,
            password: password.into(),
        }
    }

    /// Reads an account from the environment of the process: `CTRADER_ADDRESS`, `CTRADER_SENDER_COMP_ID`,
    /// `CTRADER_USERNAME`, and `CTRADER_PASSWORD` or the name of a file that contains it, `CTRADER_PASSWORD_FILE`.
    /// `CTRADER_ACCOUNT_FILE` is the name of a [file](Self::from_file) with what the other variables do not have.
    ///
    /// # Errors
    /// A setting is absent or invalid, or a file cannot be read.
    pub fn from_environment() -> Result<Self, InvalidAccount> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`from_environment`](Self::from_environment), with variables of any source.
    ///
    /// # Errors
    /// A setting is absent or invalid, or a file cannot be read.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidAccount> {
        let value = |name: &str| variable(&format!("{PREFIX}{name}")).filter(|it| !it.is_empty());
        let file = match value("ACCOUNT_FILE") {
            Some(path) => Settings::read(Path::new(&path))?,
            None => Settings::default(),
        };
        let password = match (value("PASSWORD"), value("PASSWORD_FILE")) {
            (None, Some(path)) => {
                let text = read(Path::new(&path))?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            (password, _) => password,
        };
        let settings = Settings {
            address: value("ADDRESS").or(file.address),
            sender_comp_id: value("SENDER_COMP_ID").or(file.sender_comp_id),
            username: value("USERNAME").or(file.username),
            password: password.or(file.password),
        };
        settings.account(|name| format!("{PREFIX}{}", name.to_uppercase()))
    }

    /// Reads an account from a JSON file:
    /// `{"address": "tls://…:5211", "sender_comp_id": "demo.broker.1234567", "password": "…"}`.
    ///
    /// # Errors
    /// The file cannot be read, or a setting is absent or invalid.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, InvalidAccount> {
        let path = path.as_ref();
        let settings = Settings::read(path)?;
        settings.account(|name| format!("{name} in {}", path.display()))
    }
}

fn login(sender_comp_id: &str) -> String {
    let parts = sender_comp_id.rsplit_once('.');
    parts.map_or(sender_comp_id, |(_, login)| login).to_owned()
}

fn read(path: &Path) -> Result<String, InvalidAccount> {
    std::fs::read_to_string(path).map_err(|source| InvalidAccount::Unreadable {
        path: path.to_owned(),
        source,
    })
}

impl Settings {
    fn read(path: &Path) -> Result<Self, InvalidAccount> {
        let text = read(path)?;
        let malformed = |line| InvalidAccount::Malformed {
            path: path.to_owned(),
            line,
        };
        // the values could also be read from an array, by their position
        if !text.trim_start().starts_with('{') {
            return Err(malformed(1));
        }
        // the error of the parser may contain a value
        serde_json::from_str(&text).map_err(|error| malformed(error.line()))
    }

    fn account(self, place: impl Fn(&str) -> String) -> Result<CtraderAccount, InvalidAccount> {
        let required = |name: &'static str, value: Option<String>| {
            let missing = || InvalidAccount::Missing {
                name,
                place: place(name),
            };
            value.ok_or_else(missing)
        };
        let sender_comp_id = required("sender_comp_id", self.sender_comp_id)?;
        let username = self.username.unwrap_or_else(|| login(&sender_comp_id));
        let account = CtraderAccount {
            address: required("address", self.address)?,
            username,
            sender_comp_id,
            password: required("password", self.password)?.into(),
        };
        account.check()?;
        Ok(account)
    }
}

impl CtraderAccount {
    fn check(&self) -> Result<(), InvalidAccount> {
        let has_scheme = ["tls://", "tcp://"]
            .iter()
            .any(|it| self.address.starts_with(it));
        if !has_scheme {
            return Err(InvalidAccount::Invalid {
                name: "address",
                reason: "does not begin with tls:// or tcp://",
            });
        }
        if self.password.expose_secret().is_empty() {
            return Err(InvalidAccount::Invalid {
                name: "password",
                reason: "is empty",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for CtraderAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CtraderAccount")
            .field("address", &self.address)
            .field("sender_comp_id", &self.sender_comp_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<CtraderAccount, InvalidAccount> {
        CtraderAccount::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const ADDRESS: (&str, &str) = ("CTRADER_ADDRESS", "tls://a.example:5211");
    const SENDER: (&str, &str) = ("CTRADER_SENDER_COMP_ID", "demo.broker.1234567");
    const PASSWORD: (&str, &str) = ("CTRADER_PASSWORD", "swordfish");

    #[test]
    fn accounts_are_read_from_the_environment() {
        let account = of(&[ADDRESS, SENDER, PASSWORD]).expect("an account");
        assert_eq!(account.username, "1234567");
        assert_eq!(account.password.expose_secret(), "swordfish");
        let shown = format!("{account:?}");
        assert!(shown.contains("demo.broker.1234567"), "{shown}");
        assert!(!shown.contains("swordfish"), "{shown}");
        let error = of(&[ADDRESS, SENDER]).expect_err("no password");
        assert_eq!(
            error.to_string(),
            "no password of the cTrader account: set CTRADER_PASSWORD"
        );
        let bad = [("CTRADER_ADDRESS", "https://a.example"), SENDER, PASSWORD];
        assert!(of(&bad).is_err());
    }

    #[test]
    fn passwords_are_read_from_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "swordfish\n").expect("written");
        let file = ("CTRADER_PASSWORD_FILE", path.to_str().expect("a text"));
        let account = of(&[ADDRESS, SENDER, file]).expect("an account");
        assert_eq!(account.password.expose_secret(), "swordfish");
        let missing = ("CTRADER_PASSWORD_FILE", "/nowhere/password");
        let error = of(&[ADDRESS, SENDER, missing]).expect_err("no file");
        assert!(error.to_string().starts_with("/nowhere/password: "));
    }

    #[test]
    fn accounts_are_read_from_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("account.json");
        let text = "{\"address\": \"tcp://a.example:5201\", \"sender_comp_id\": \"demo.b.7\",\n\
                    \"username\": \"8\", \"password\": \"trout\"}";
        std::fs::write(&path, text).expect("written");
        let account = CtraderAccount::from_file(&path).expect("an account");
        assert_eq!(account.username, "8");
        // variables are stronger
        let file = ("CTRADER_ACCOUNT_FILE", path.to_str().expect("a text"));
        let account = of(&[file, PASSWORD]).expect("an account");
        assert_eq!(account.password.expose_secret(), "swordfish");
        assert_eq!(account.address, "tcp://a.example:5201");
        // an error does not show the value
        std::fs::write(&path, "{\"address\": \"\",\n\"password\": 8128}").expect("written");
        let error = CtraderAccount::from_file(&path).expect_err("a number");
        assert!(error.to_string().contains(", line 2: expected"), "{error}");
        assert!(!format!("{error} {error:?}").contains("8128"));
        std::fs::write(
            &path,
            r#"["tcp://a.example:5201", "demo.b.7", "8", "trout"]"#,
        )
        .expect("written");
        let error = CtraderAccount::from_file(&path).expect_err("an array");
        assert!(error.to_string().contains(", line 1: expected"), "{error}");
    }
}

//! Names and times of a session.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::fix::SEPARATOR;

/// Names and times of a session. Its `Debug` form has no password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionSettings {
    /// The name of this side.
    pub sender_comp_id: String,
    /// The name of the venue. Names are compared without regard to case.
    pub target_comp_id: String,
    /// The part of this side, such as `QUOTE`.
    pub sender_sub_id: Option<String>,
    /// The part of the venue, such as `QUOTE`.
    pub target_sub_id: Option<String>,
    /// The user name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// After this time without a message, each side sends a heartbeat. Whole seconds, at least one. The default is 30 s.
    pub heart_beat: Duration,
    /// The longest time until the answer to the logon. The default is 10 s.
    pub logon_timeout: Duration,
    /// After this time the missing messages of a gap are lost. The default is 10 s.
    pub gap_timeout: Duration,
    /// The largest difference of the times of the venue from the time of this machine; `None` for any. The default is
    /// 120 s.
    pub max_clock_skew: Option<Duration>,
    /// The largest number of messages that wait for a gap. The default is 10,000.
    pub max_waiting: usize,
    /// The largest size of the messages that wait for a gap, in bytes. The default is 16 MiB.
    pub max_waiting_bytes: usize,
    /// The types of messages that the application reads. Others are rejected as unsupported.
    pub message_types: &'static [&'static str],
}

/// Settings that no session can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid FIX session: {name} {reason}")]
#[non_exhaustive]
pub struct InvalidSettings {
    /// The name of the setting.
    pub name: &'static str,
    /// The fault, without the value.
    pub reason: &'static str,
}

impl SessionSettings {
    /// A session of `sender` with `target`, with the default times.
    #[must_use]
    pub fn new(sender: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            sender_comp_id: sender.into(),
            target_comp_id: target.into(),
            sender_sub_id: None,
            target_sub_id: None,
            username: None,
            password: None,
            heart_beat: Duration::from_secs(30),
            logon_timeout: Duration::from_secs(10),
            gap_timeout: Duration::from_secs(10),
            max_clock_skew: Some(Duration::from_secs(120)),
            max_waiting: 10_000,
            max_waiting_bytes: 16 << 20,
            message_types: &[],
        }
    }

    /// Checks that every value can be sent.
    ///
    /// # Errors
    /// The first setting that cannot.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        let password = self
            .password
            .as_ref()
            .map(|password| password.expose_secret());
        let texts = [
            ("sender_comp_id", Some(&*self.sender_comp_id)),
            ("target_comp_id", Some(&*self.target_comp_id)),
            ("sender_sub_id", self.sender_sub_id.as_deref()),
            ("target_sub_id", self.target_sub_id.as_deref()),
            ("username", self.username.as_deref()),
            ("password", password),
        ];
        for (name, text) in texts {
            let reason = match text {
                Some("") => "is empty",
                Some(text) if text.bytes().any(|byte| byte == SEPARATOR) => "has a separator",
                _ => continue,
            };
            return Err(InvalidSettings { name, reason });
        }
        if self.heart_beat.as_secs() == 0 {
            let reason = "is less than one second";
            return Err(InvalidSettings {
                name: "heart_beat",
                reason,
            });
        }
        Ok(())
    }

    /// Replaces the password in a text of the venue.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        match &self.password {
            Some(password) => text.replace(password.expose_secret(), "***"),
            None => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_sent_are_refused() {
        let good = SessionSettings::new("A", "B");
        assert_eq!(good.check(), Ok(()));
        let mut bad = good.clone();
        bad.password = Some("a\u{1}141=N".to_owned().into());
        let error = bad.check().expect_err("a separator");
        assert_eq!(
            error.to_string(),
            "invalid FIX session: password has a separator"
        );
        let mut bad = good.clone();
        bad.username = Some(String::new());
        assert!(bad.check().is_err());
        let mut bad = good;
        bad.heart_beat = Duration::from_millis(999);
        assert!(bad.check().is_err());
    }

    #[test]
    fn debug_form_has_no_password() {
        let mut settings = SessionSettings::new("A", "B");
        settings.password = Some("swordfish".to_owned().into());
        assert!(!format!("{settings:?}").contains("swordfish"));
        let text = settings.without_secrets("wrong password swordfish");
        assert_eq!(text, "wrong password ***");
    }
}

//! The list of tests that may be skipped if `CI` is set.

/// Names of tests as `suite` prints them, one per line; a `*` at the end matches anything. Lines that begin
/// with `#` are comments.
#[derive(Debug, Default)]
pub(crate) struct Allowed(Vec<String>);

impl Allowed {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(names.map(str::to_owned).collect())
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|allowed| match allowed.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == allowed,
            })
    }
}

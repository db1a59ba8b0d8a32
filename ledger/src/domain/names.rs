//! Names of the variants of enums.

use std::fmt;

/// A text that names none of the expected variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {text}: expected one of {expected}")]
#[non_exhaustive]
pub struct UnknownName {
    /// The kind of the name, such as `side`.
    pub what: &'static str,
    /// The text, quoted and cut to 40 characters.
    pub text: String,
    /// The valid names, separated by commas.
    pub expected: String,
}

/// The variant of `all` that has the name `text`.
pub(super) fn named<T: Copy + fmt::Display>(
    what: &'static str,
    all: &[T],
    text: &str,
) -> Result<T, UnknownName> {
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    let found = names.iter().position(|name| name == text);
    found.map(|at| all[at]).ok_or_else(|| UnknownName {
        what,
        text: tickbook::domain::excerpt(text),
        expected: names.join(", "),
    })
}

/// Gives each variant of an enum its name: `ALL`, `as_str`, `Display` and `FromStr`.
macro_rules! names {
    ($type:ident, $what:literal { $($variant:ident => $name:literal,)+ }) => {
        impl $type {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in texts and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::domain::text::read(deserializer)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::domain::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::domain::names::named($what, Self::ALL, text)
            }
        }
    };
}

pub(super) use names;

//! Names of the variants of enums.

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

/// The error of a text that is none of these names.
pub(super) fn unknown(what: &'static str, names: &[&str], text: &str) -> UnknownName {
    UnknownName {
        what,
        text: tickbook::domain::excerpt(text),
        expected: names.join(", "),
    }
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
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::domain::names::unknown($what, &[$($name),+], text)),
                }
            }
        }
    };
}

pub(super) use names;

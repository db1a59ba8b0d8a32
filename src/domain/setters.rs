//! Methods that set a field and return the value, for structs that may get more fields.

/// Writes a method for each field given, of the name of the field.
///
/// One of `set` takes the type itself, one of `into` everything that becomes the type, and one of `some`
/// everything that becomes the content of the option. Numbers are in `set`: a literal would not say of which
/// type it is.
macro_rules! setters {
    ($of:ty {
        $(set { $($(#[$set_doc:meta])* $set:ident: $set_type:ty,)+ })?
        $(into { $($(#[$into_doc:meta])* $into:ident: $into_type:ty,)+ })?
        $(some { $($(#[$some_doc:meta])* $some:ident: $some_type:ty,)+ })?
    }) => {
        impl $of {
            $($(
                $(#[$set_doc])*
                #[must_use]
                pub fn $set(mut self, $set: $set_type) -> Self {
                    self.$set = $set;
                    self
                }
            )+)?
            $($(
                $(#[$into_doc])*
                #[must_use]
                pub fn $into(mut self, $into: impl Into<$into_type>) -> Self {
                    self.$into = $into.into();
                    self
                }
            )+)?
            $($(
                $(#[$some_doc])*
                #[must_use]
                pub fn $some(mut self, $some: impl Into<$some_type>) -> Self {
                    self.$some = Some($some.into());
                    self
                }
            )+)?
        }
    };
}

pub(crate) use setters;

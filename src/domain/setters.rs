//! A macro for methods that set a field and return the value, for non-exhaustive structs.

/// Generates a method for each given field, with the name of the field.
///
/// A method of `set` takes the type itself. A method of `into` takes anything that converts into the type,
/// and one of `some` anything that converts into the content of the option. Use `set` for numbers: the type
/// of a literal would be ambiguous.
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

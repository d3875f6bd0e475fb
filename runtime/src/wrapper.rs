//! What the wrappers around I/O types of other worlds have in common.

/// Declares the methods that every wrapper has, around its field `$field`.
macro_rules! wrapper_methods {
    ($wrapper:ident { $field:ident $(, $other:ident: $initial:expr)* }) => {
        impl<T> $wrapper<T> {
            /// Wraps `inner`.
            pub fn new(inner: T) -> Self {
                Self {
                    $field: inner,
                    $($other: $initial,)*
                }
            }

            /// What is wrapped.
            pub fn get_ref(&self) -> &T {
                &self.$field
            }

            /// What is wrapped. There is no buffer that it could overtake.
            pub fn get_mut(&mut self) -> &mut T {
                &mut self.$field
            }

            /// What is wrapped, pinned.
            pub fn get_pin_mut(self: std::pin::Pin<&mut Self>) -> std::pin::Pin<&mut T> {
                self.project().$field
            }

            /// Gives back what was wrapped.
            pub fn into_inner(self) -> T {
                self.$field
            }
        }
    };
}
pub(crate) use wrapper_methods;

//! Options that TCP and UDP sockets share.

/// Gives `$type` the options of IP packets and of network devices; `$socket` is the way from `$this`
/// to a `SockRef`.
macro_rules! impl_ip_options {
    ($type:ty, |$this:ident| $socket:expr) => {
        impl $type {
            fn options($this: &Self) -> socket2::SockRef<'_> {
                $socket
            }

            /// The traffic class of IPv6 packets (`IPV6_TCLASS`).
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(any(
                target_os = "android",
                target_os = "dragonfly",
                target_os = "freebsd",
                target_os = "fuchsia",
                target_os = "linux",
                target_os = "macos",
                target_os = "netbsd",
                target_os = "openbsd",
                target_os = "cygwin"
            ))]
            pub fn tclass_v6(&self) -> std::io::Result<u32> {
                Self::options(self).tclass_v6()
            }

            /// Sets the traffic class of IPv6 packets (`IPV6_TCLASS`).
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(any(
                target_os = "android",
                target_os = "dragonfly",
                target_os = "freebsd",
                target_os = "fuchsia",
                target_os = "linux",
                target_os = "macos",
                target_os = "netbsd",
                target_os = "openbsd",
                target_os = "cygwin"
            ))]
            pub fn set_tclass_v6(&self, tclass_v6: u32) -> std::io::Result<()> {
                Self::options(self).set_tclass_v6(tclass_v6)
            }

            /// The type of service of IPv4 packets (`IP_TOS`).
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(not(any(
                target_os = "fuchsia",
                target_os = "redox",
                target_os = "solaris",
                target_os = "haiku",
                target_os = "wasi"
            )))]
            pub fn tos_v4(&self) -> std::io::Result<u32> {
                Self::options(self).tos_v4()
            }

            /// Sets the type of service of IPv4 packets (`IP_TOS`).
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(not(any(
                target_os = "fuchsia",
                target_os = "redox",
                target_os = "solaris",
                target_os = "haiku",
                target_os = "wasi"
            )))]
            pub fn set_tos_v4(&self, tos_v4: u32) -> std::io::Result<()> {
                Self::options(self).set_tos_v4(tos_v4)
            }

            /// The network device that the socket is bound to (`SO_BINDTODEVICE`).
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            pub fn device(&self) -> std::io::Result<Option<Vec<u8>>> {
                Self::options(self).device()
            }

            /// Binds the socket to a network device such as `b"eth0"`, or to none (`SO_BINDTODEVICE`): only
            /// packets of this device are received.
            ///
            /// # Errors
            ///
            /// What the system says.
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            pub fn bind_device(&self, interface: Option<&[u8]>) -> std::io::Result<()> {
                Self::options(self).bind_device(interface)
            }
        }
    };
}

pub(crate) use impl_ip_options;

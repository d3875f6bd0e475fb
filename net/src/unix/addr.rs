//! Addresses of Unix sockets.

use std::fmt;
use std::io;
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr as StdAddr;
use std::path::Path;

use socket2::SockAddr;

/// The address of a Unix socket: a path, on Linux an abstract name, or nothing.
///
/// It is made from the standard library's, and can be turned into it.
///
/// # Examples
///
/// ```
/// use runtime::net::UnixListener;
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let path = std::env::temp_dir().join(format!("address-{}", std::process::id()));
///     let listener = UnixListener::bind(&path)?;
///     assert_eq!(listener.local_addr()?.as_pathname(), Some(&*path));
///     std::fs::remove_file(path)
/// }
/// ```
#[derive(Clone)]
pub struct SocketAddr(pub(super) StdAddr);

impl SocketAddr {
    /// Whether the socket has no address: it was not bound.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// The path, if the address is one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// The abstract name, if the address is one. Only Linux has them; they belong to no file system
    /// and vanish with the last socket.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        self.0.as_abstract_name()
    }

    /// The address that a path of a user's means: on Linux, what follows a leading zero byte is an
    /// abstract name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for what is too long, and for paths with zero bytes in them.
    pub(super) fn of_path(path: &Path) -> io::Result<Self> {
        #[cfg(any(target_os = "android", target_os = "linux"))]
        {
            use std::os::unix::ffi::OsStrExt;

            if let Some((0, name)) = path.as_os_str().as_bytes().split_first() {
                return StdAddr::from_abstract_name(name).map(Self);
            }
        }
        StdAddr::from_pathname(path).map(Self)
    }

    /// What the system said.
    pub(super) fn of_system(address: &SockAddr) -> io::Result<Self> {
        if let Some(path) = address.as_pathname()
            // The system knows paths that are one byte longer than std can represent. Better a
            // datagram without a sender than none.
            && let Ok(address) = StdAddr::from_pathname(path)
        {
            return Ok(Self(address));
        }
        #[cfg(any(target_os = "android", target_os = "linux"))]
        if let Some(name) = address.as_abstract_namespace() {
            return StdAddr::from_abstract_name(name).map(Self);
        }
        // An empty path is how std spells it.
        StdAddr::from_pathname("").map(Self)
    }

    /// As the system wants it.
    pub(super) fn to_system(&self) -> io::Result<SockAddr> {
        if let Some(path) = self.as_pathname() {
            return SockAddr::unix(path);
        }
        #[cfg(any(target_os = "android", target_os = "linux"))]
        if let Some(name) = self.as_abstract_name() {
            let mut path = vec![0];
            path.extend_from_slice(name);
            use std::os::unix::ffi::OsStrExt;
            return SockAddr::unix(std::ffi::OsStr::from_bytes(&path));
        }
        SockAddr::unix("")
    }
}

impl From<StdAddr> for SocketAddr {
    fn from(address: StdAddr) -> Self {
        Self(address)
    }
}

impl From<SocketAddr> for StdAddr {
    fn from(address: SocketAddr) -> Self {
        address.0
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn there_and_back(address: &SocketAddr) -> SocketAddr {
        SocketAddr::of_system(&address.to_system().unwrap()).unwrap()
    }

    #[test]
    fn addresses_survive_the_way_to_the_system_and_back() {
        let path = Path::new("/tmp/some/socket");
        let address = SocketAddr::of_path(path).unwrap();
        assert_eq!(there_and_back(&address).as_pathname(), Some(path));
        let unnamed = SocketAddr::of_path(Path::new("")).unwrap();
        assert!(there_and_back(&unnamed).is_unnamed());
        #[cfg(any(target_os = "android", target_os = "linux"))]
        {
            let address = SocketAddr::of_path(Path::new("\0a name")).unwrap();
            let name = there_and_back(&address);
            assert_eq!(name.as_abstract_name(), Some(&b"a name"[..]));
        }
    }

    #[test]
    fn paths_that_no_socket_can_have_are_refused() {
        for path in ["a\0b".to_owned(), "x".repeat(200)] {
            let error = SocketAddr::of_path(Path::new(&path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}

//! Addresses, and names that must be looked up first.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use runtime_base::blocking::{Class, offload};

/// What can be turned into socket addresses without blocking the thread.
///
/// Addresses in any form are taken as they are. Text that is not an address, such as
/// `"example.com:80"` or `("example.com", 80)`, is given to the system's resolver on a thread that
/// may block.
///
/// The trait cannot be implemented outside of the runtime.
///
/// # Examples
///
/// ```
/// use runtime::net::{ToSocketAddrs, lookup_host};
///
/// async fn first(target: impl ToSocketAddrs) -> std::io::Result<std::net::SocketAddr> {
///     let mut addresses = lookup_host(target).await?;
///     Ok(addresses.next().expect("a lookup gives an address or an error"))
/// }
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     assert_eq!(first("127.0.0.1:80").await?, first(([127, 0, 0, 1], 80).into_addr()).await?);
///     Ok(())
/// }
///
/// trait IntoAddr {
///     fn into_addr(self) -> std::net::SocketAddr;
/// }
///
/// impl IntoAddr for ([u8; 4], u16) {
///     fn into_addr(self) -> std::net::SocketAddr {
///         self.into()
///     }
/// }
/// ```
pub trait ToSocketAddrs: sealed::ToTarget {}

/// Looks up the addresses of `host`.
///
/// # Errors
///
/// What the resolver says, and `Other` when the runtime shuts down before it could be asked.
///
/// # Panics
///
/// When a name must be looked up outside of a runtime.
///
/// # Cancel safety
///
/// A lookup that was begun goes on, and its result is forgotten.
///
/// # Examples
///
/// ```
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut addresses = runtime::net::lookup_host("localhost:3000").await?;
///     assert!(addresses.all(|address| address.port() == 3000 && address.ip().is_loopback()));
///     Ok(())
/// }
/// ```
pub async fn lookup_host<T>(host: T) -> io::Result<impl Iterator<Item = SocketAddr>>
where
    T: ToSocketAddrs,
{
    resolve(host).await
}

/// The addresses of `host`.
pub(crate) async fn resolve<T: ToSocketAddrs>(host: T) -> io::Result<Addresses> {
    // The target is made before the first await, so that the future need not keep `host`.
    let target = host.to_target();
    drop(host);
    match target {
        Target::One(address) => Ok(Addresses::One(Some(address))),
        Target::Many(addresses) => Ok(Addresses::Many(addresses.into_iter())),
        Target::Text(text) => look_up(text).await,
        Target::Name(name, port) => look_up((name, port)).await,
    }
}

async fn look_up<N>(name: N) -> io::Result<Addresses>
where
    N: std::net::ToSocketAddrs<Iter = std::vec::IntoIter<SocketAddr>> + Send + 'static,
{
    let addresses = offload(Class::Names, move || name.to_socket_addrs()).await??;
    Ok(Addresses::Many(addresses))
}

/// Calls `operate` with each address of `host` until one succeeds.
pub(crate) async fn first_success<T, R>(
    host: T,
    mut operate: impl AsyncFnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R>
where
    T: ToSocketAddrs,
{
    let mut last_error = None;
    for address in resolve(host).await? {
        match operate(address).await {
            Ok(result) => return Ok(result),
            Err(error) => last_error = Some(error),
        }
    }
    Err(last_error.unwrap_or_else(no_address))
}

/// [`first_success`] of what needs no await. Such an operation may borrow without costing the future
/// its `Send`: the compiler cannot yet show it for an async closure that borrows.
pub(crate) async fn first_done<T, R>(
    host: T,
    mut operate: impl FnMut(SocketAddr) -> io::Result<R>,
) -> io::Result<R>
where
    T: ToSocketAddrs,
{
    let addresses = resolve(host).await?;
    let mut last_error = None;
    for address in addresses {
        match operate(address) {
            Ok(result) => return Ok(result),
            Err(error) => last_error = Some(error),
        }
    }
    Err(last_error.unwrap_or_else(no_address))
}

fn no_address() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "could not resolve to any address",
    )
}

/// The addresses of a target. One address needs no allocation.
#[derive(Debug)]
pub(crate) enum Addresses {
    One(Option<SocketAddr>),
    Many(std::vec::IntoIter<SocketAddr>),
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Self::One(address) => address.take(),
            Self::Many(addresses) => addresses.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::One(address) => (usize::from(address.is_some()), Some(1)),
            Self::Many(addresses) => addresses.size_hint(),
        }
    }
}

use sealed::Target;

/// Public in private: nobody outside can name what is needed to implement [`ToSocketAddrs`].
mod sealed {
    use std::net::SocketAddr;

    /// What is to be looked up, if anything.
    #[derive(Debug)]
    pub enum Target {
        One(SocketAddr),
        Many(Vec<SocketAddr>),
        /// `host:port`.
        Text(String),
        Name(String, u16),
    }

    pub trait ToTarget {
        fn to_target(&self) -> Target;
    }
}

macro_rules! impl_to_socket_addrs {
    ($($type:ty: |$this:ident| $target:expr;)+) => {$(
        impl ToSocketAddrs for $type {}

        impl sealed::ToTarget for $type {
            fn to_target(&self) -> Target {
                let $this = self;
                $target
            }
        }
    )+};
}

impl_to_socket_addrs! {
    SocketAddr: |this| Target::One(*this);
    SocketAddrV4: |this| Target::One((*this).into());
    SocketAddrV6: |this| Target::One((*this).into());
    (IpAddr, u16): |this| Target::One((*this).into());
    (Ipv4Addr, u16): |this| Target::One((*this).into());
    (Ipv6Addr, u16): |this| Target::One((*this).into());
    &[SocketAddr]: |this| Target::Many(this.to_vec());
    str: |this| match this.parse() {
        Ok(address) => Target::One(address),
        Err(_) => Target::Text(this.to_owned()),
    };
    String: |this| this.as_str().to_target();
    (&str, u16): |this| match this.0.parse::<IpAddr>() {
        Ok(ip) => Target::One((ip, this.1).into()),
        Err(_) => Target::Name(this.0.to_owned(), this.1),
    };
    (String, u16): |this| (this.0.as_str(), this.1).to_target();
}

use sealed::ToTarget;

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {}

impl<T: ToSocketAddrs + ?Sized> ToTarget for &T {
    fn to_target(&self) -> Target {
        (**self).to_target()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_any_form_need_no_resolver() {
        let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let one = |target: Target| matches!(target, Target::One(found) if found == address);
        assert!(one(address.to_target()));
        assert!(one("127.0.0.1:80".to_target()));
        assert!(one(String::from("127.0.0.1:80").to_target()));
        assert!(one(("127.0.0.1", 80).to_target()));
        assert!(one((String::from("127.0.0.1"), 80).to_target()));
        assert!(one((Ipv4Addr::LOCALHOST, 80).to_target()));
        assert!(one((IpAddr::from([127, 0, 0, 1]), 80).to_target()));
        assert!(one((&&address).to_target()));
        assert!(matches!(
            (&[address, address][..]).to_target(),
            Target::Many(found) if found == [address, address]
        ));
    }

    #[test]
    fn names_are_left_to_the_resolver() {
        assert!(matches!("localhost:80".to_target(), Target::Text(_)));
        assert!(matches!(
            ("localhost", 80).to_target(),
            Target::Name(name, 80) if name == "localhost"
        ));
        // IPv6 without brackets is no `host:port`, but it is a host.
        assert!(matches!("::1:80".to_target(), Target::Text(_)));
        assert!(matches!(("::1", 80).to_target(), Target::One(_)));
    }
}

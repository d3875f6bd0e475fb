//! Room for many datagrams.

use std::fmt;
use std::iter::FusedIterator;
use std::net::SocketAddr;

use super::many::Scratch;

/// Room for many datagrams, to be received with one system call.
///
/// [`UdpSocket::recv_many`](crate::UdpSocket::recv_many) fills it; then it is read, and used again.
/// All memory is allocated when it is made: `capacity` × `datagram_size` bytes and a little more.
///
/// # Examples
///
/// ```
/// use runtime::net::{RecvBatch, UdpSocket};
///
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let receiver = UdpSocket::bind("127.0.0.1:0").await?;
///     let sender = UdpSocket::bind("127.0.0.1:0").await?;
///     sender.connect(receiver.local_addr()?).await?;
///     assert_eq!(sender.send_many(&["one", "two"]).await?, 2);
///
///     let mut batch = RecvBatch::new(32, 1500);
///     let mut received = Vec::new();
///     while received.len() < 2 {
///         receiver.recv_many(&mut batch).await?;
///         for datagram in &batch {
///             assert_eq!(datagram.sender(), sender.local_addr()?);
///             received.push(datagram.bytes().to_vec());
///         }
///     }
///     assert_eq!(received, [b"one", b"two"]);
///     Ok(())
/// }
/// ```
pub struct RecvBatch {
    /// One place after the other.
    memory: Box<[u8]>,
    datagram_size: usize,
    capacity: usize,
    received: Vec<Received>,
    scratch: Scratch,
}

/// What is known of the datagram in one place.
#[derive(Clone, Copy)]
pub(super) struct Received {
    pub(super) len: usize,
    pub(super) sender: SocketAddr,
    pub(super) is_truncated: bool,
}

/// The parts of a batch that are filled.
pub(super) struct Places<'a> {
    pub(super) memory: &'a mut [u8],
    pub(super) datagram_size: usize,
    pub(super) capacity: usize,
    pub(super) received: &'a mut Vec<Received>,
    pub(super) scratch: &'a mut Scratch,
}

impl RecvBatch {
    /// Room for `capacity` datagrams of at most `datagram_size` bytes each. What is longer is cut.
    ///
    /// # Panics
    ///
    /// When `capacity` × `datagram_size` is more than can be allocated.
    #[track_caller]
    pub fn new(capacity: usize, datagram_size: usize) -> Self {
        let bytes = capacity.checked_mul(datagram_size);
        let Some(bytes) = bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) else {
            panic!(
                "a batch of {capacity} datagrams of {datagram_size} bytes does not fit into memory; \
                 ask for fewer or smaller ones"
            );
        };
        Self {
            memory: vec![0; bytes].into_boxed_slice(),
            datagram_size,
            capacity,
            received: Vec::with_capacity(capacity),
            scratch: Scratch::with_capacity(capacity),
        }
    }

    /// How many datagrams there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes there are for each datagram.
    pub fn datagram_size(&self) -> usize {
        self.datagram_size
    }

    /// How many datagrams the last call has received.
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Whether the last call has received none.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// The datagram with this index, in the order of arrival; `None` if there are not so many.
    pub fn get(&self, index: usize) -> Option<RecvDatagram<'_>> {
        let Received {
            len,
            sender,
            is_truncated,
        } = *self.received.get(index)?;
        let start = index * self.datagram_size;
        Some(RecvDatagram {
            bytes: &self.memory[start..start + len],
            sender,
            is_truncated,
        })
    }

    /// The datagrams in the order of arrival.
    pub fn iter(&self) -> RecvDatagrams<'_> {
        RecvDatagrams {
            batch: self,
            next: 0,
        }
    }

    /// What is to be filled, emptied before.
    pub(super) fn emptied(&mut self) -> Places<'_> {
        self.received.clear();
        Places {
            memory: &mut self.memory,
            datagram_size: self.datagram_size,
            capacity: self.capacity,
            received: &mut self.received,
            scratch: &mut self.scratch,
        }
    }
}

impl<'a> IntoIterator for &'a RecvBatch {
    type Item = RecvDatagram<'a>;
    type IntoIter = RecvDatagrams<'a>;

    fn into_iter(self) -> RecvDatagrams<'a> {
        self.iter()
    }
}

impl fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBatch")
            .field("capacity", &self.capacity)
            .field("datagram_size", &self.datagram_size)
            .field("len", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// One datagram of a [`RecvBatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvDatagram<'a> {
    bytes: &'a [u8],
    sender: SocketAddr,
    is_truncated: bool,
}

impl<'a> RecvDatagram<'a> {
    /// What was received.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Who sent it.
    pub fn sender(&self) -> SocketAddr {
        self.sender
    }

    /// Whether it was longer than the room for it, and was cut.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }
}

/// The datagrams of a [`RecvBatch`]. Made by [`RecvBatch::iter`].
#[derive(Debug, Clone)]
pub struct RecvDatagrams<'a> {
    batch: &'a RecvBatch,
    next: usize,
}

impl<'a> Iterator for RecvDatagrams<'a> {
    type Item = RecvDatagram<'a>;

    fn next(&mut self) -> Option<RecvDatagram<'a>> {
        let datagram = self.batch.get(self.next)?;
        self.next += 1;
        Some(datagram)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for RecvDatagrams<'_> {}
impl FusedIterator for RecvDatagrams<'_> {}

//! What borrows passes for what borrows for a shorter time, wherever it does with Tokio: a guard is
//! kept beside another one in a field with one lifetime, or two futures are put into one list.

use tokio::io::unix::{AsyncFdReadyGuard, AsyncFdReadyMutGuard};
use tokio::io::{BufReader, BufStream, BufWriter, Chain, Join, Lines, ReadBuf, Split, Take};
use tokio::net::{tcp, unix};
use tokio::runtime::EnterGuard;
use tokio::sync::futures::Notified;
use tokio::sync::{
    MappedMutexGuard, MutexGuard, OwnedRwLockReadGuard, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockWriteGuard, SemaphorePermit, SetError, SetOnceError, broadcast, mpsc, watch,
};
use tokio::task::JoinHandle;
use tokio::task::coop::Unconstrained;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::Timeout;

/// Not run: it is enough that it compiles.
macro_rules! shortens {
    ($($lifetime:lifetime: $($type:ty),*;)*) => {
        $($(const _: () = {
            trait Family {
                type Of<$lifetime>;
            }
            struct This;
            impl Family for This {
                type Of<$lifetime> = $type;
            }
            #[allow(dead_code)]
            fn shorten<'short, 'long: 'short>(
                long: <This as Family>::Of<'long>,
            ) -> <This as Family>::Of<'short> {
                long
            }
        };)*)*
    };
}

type Text<'a> = &'a [u8];

shortens! {
    'a: MutexGuard<'a, u8>, MappedMutexGuard<'a, u8>, SemaphorePermit<'a>, Notified<'a>;
    'a: RwLockReadGuard<'a, Text<'a>>, OwnedRwLockReadGuard<u8, Text<'a>>;
    'a: RwLockWriteGuard<'a, u8>, RwLockMappedWriteGuard<'a, u8>;
    'a: mpsc::Permit<'a, u8>, mpsc::PermitIterator<'a, u8>, watch::Ref<'a, u8>;
    'a: SetError<Text<'a>>, SetOnceError<Text<'a>>, broadcast::error::SendError<Text<'a>>;
    'a: mpsc::error::SendError<Text<'a>>, mpsc::error::TrySendError<Text<'a>>;
    'a: mpsc::error::SendTimeoutError<Text<'a>>, watch::error::SendError<Text<'a>>;
    'a: tcp::ReadHalf<'a>, tcp::WriteHalf<'a>, unix::ReadHalf<'a>, unix::WriteHalf<'a>;
    'a: AsyncFdReadyGuard<'a, std::fs::File>, AsyncFdReadyMutGuard<'a, std::fs::File>;
    'a: ReadBuf<'a>, Take<Text<'a>>, Chain<Text<'a>, Text<'a>>, Join<Text<'a>, Text<'a>>;
    'a: BufReader<Text<'a>>, BufWriter<Text<'a>>, BufStream<Text<'a>>;
    'a: Lines<Text<'a>>, Split<Text<'a>>;
    'a: EnterGuard<'a>, JoinHandle<Text<'a>>;
    'a: Unconstrained<Text<'a>>, TaskLocalFuture<u8, Text<'a>>, Timeout<std::future::Ready<Text<'a>>>;
}

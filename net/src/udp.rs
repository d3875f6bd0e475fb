//! Datagrams over IP.

mod batch;
mod many;
mod options;
pub(crate) mod socket;

pub use self::batch::{RecvBatch, RecvDatagram, RecvDatagrams};

//! The reactor and the sockets.

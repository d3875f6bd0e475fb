//! Many waiters in arrival order.

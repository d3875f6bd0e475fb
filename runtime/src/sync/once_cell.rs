//! Stub: once_cell.

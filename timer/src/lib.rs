//! Clock, wheel, deadlines.

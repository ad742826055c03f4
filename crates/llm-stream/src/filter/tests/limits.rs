//! Every bound, at it and one past it.

//! Which matches are found and what becomes of them.

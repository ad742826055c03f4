//! The synchronisation that the hub is made of, in one place so that a test can put a model
//! checker's in its stead.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, OnceLock, Weak};

pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};

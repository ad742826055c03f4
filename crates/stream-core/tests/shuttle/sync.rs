//! What the hub's own module of this name offers, seen by the scheduler.

use shuttle::sync as explored;

pub(crate) use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, OnceLock, Weak};

/// A lock that does not know poisoning.
#[derive(Default)]
pub(crate) struct Mutex<T>(explored::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(explored::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap()
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}

/// A lock for many readers or one writer that does not know poisoning.
pub(crate) struct RwLock<T>(explored::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(explored::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> explored::RwLockReadGuard<'_, T> {
        self.0.read().unwrap()
    }

    pub(crate) fn write(&self) -> explored::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap()
    }
}

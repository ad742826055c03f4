//! What things cost in memory, counted by the allocator, against a budget.
//!
//! One test alone, since the allocator counts what every thread does.

#[cfg(test)]
use std::alloc::System;

#[cfg(test)]
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[cfg(test)]
mod budget;

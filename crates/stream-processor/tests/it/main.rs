//! The crate as its users see it.

#[cfg(test)]
mod asynchronous;
#[cfg(test)]
mod boxed;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod joins;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod nexmark;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod saved;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod windows;

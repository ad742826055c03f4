//! The crate as its users see it.

#[cfg(test)]
mod broadcasting;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod handlers;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod topics;

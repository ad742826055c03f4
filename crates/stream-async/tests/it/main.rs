//! The crate as its users see it.

#[cfg(test)]
mod backpressure;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod data;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod socket;
#[cfg(test)]
#[cfg(feature = "tungstenite")]
mod tungstenite;

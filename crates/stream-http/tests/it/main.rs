//! The routes as a library: mounted in another router, without a socket.

#[cfg(test)]
mod advisories;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod cloud_events;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod express;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod live;
#[cfg(test)]
mod many;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod mounted;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod ws;

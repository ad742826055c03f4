//! The routes as a library: mounted in another router, without a socket.

#[cfg(test)]
mod durable;
mod express;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod mounted;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod sockets;

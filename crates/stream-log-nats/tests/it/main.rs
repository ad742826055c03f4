//! What a store on a cluster promises, shown on servers that each test starts for itself.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod conforms;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod many;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod reopened;
#[cfg(test)]
mod support;

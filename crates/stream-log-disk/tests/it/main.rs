//! What a store on disk promises, shown through its public face.

#[cfg(test)]
mod committing;
#[cfg(test)]
mod conforms;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod reopened;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod support;

//! What stages and sources keep, written down and read again.

use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stream_model::BoxError;

/// What keeps something that a pipeline must have again when it goes on after a restart.
///
/// A pipeline that is [resumed](crate::StreamProcessor::resume) writes down what its source and its
/// stages keep, all at one moment between two items.
/// A stage of one's own says here what that is; one that keeps nothing writes nothing.
///
/// # Examples
///
/// ```
/// use stream_processor::{Loader, SaveState, Saver, StateError};
///
/// /// Keeps every other item.
/// #[derive(Default)]
/// struct Pairs(Option<u32>);
///
/// impl SaveState for Pairs {
///     fn save(&self, to: &mut Saver) -> Result<(), StateError> {
///         to.put(&self.0)
///     }
///
///     fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
///         self.0 = from.take()?;
///         Ok(())
///     }
/// }
///
/// let mut saver = Saver::default();
/// Pairs(Some(7)).save(&mut saver)?;
/// let (bytes, mut pairs) = (saver.into_bytes(), Pairs::default());
/// pairs.restore(&mut Loader::new(&bytes, std::time::Instant::now()))?;
/// assert_eq!(pairs.0, Some(7));
/// # Ok::<(), StateError>(())
/// ```
pub trait SaveState {
    /// Whether it holds nothing that cannot be written down.
    ///
    /// Futures cannot, for one: the pipeline takes nothing new until they are done.
    fn is_settled(&self) -> bool {
        true
    }

    /// Writes down what it keeps; it is called only while it [is settled](Self::is_settled).
    ///
    /// # Errors
    /// [`StateError`] if a value has no serialised form.
    fn save(&self, to: &mut Saver) -> Result<(), StateError>;

    /// Takes over what another of its kind has written, in the same order.
    ///
    /// # Errors
    /// [`StateError`] if that is not what was written.
    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError>;
}

/// Takes down values, one after the other.
#[derive(Debug, Default)]
pub struct Saver {
    bytes: Vec<u8>,
}

impl Saver {
    /// Writes `value`.
    ///
    /// # Errors
    /// [`StateError::Save`] if it has no serialised form.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        rmp_serde::encode::write_named(&mut self.bytes, value)
            .map_err(|error| StateError::Save(error.into()))
    }

    /// Writes each of `values`, and how many there are.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_all<T: Serialize>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), StateError> {
        self.put(&values.len())?;
        for value in values {
            self.put(&value)?;
        }
        Ok(())
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Gives values back in the order in which they were taken down.
#[derive(Debug)]
pub struct Loader<'a> {
    bytes: &'a [u8],
    now: Instant,
}

impl<'a> Loader<'a> {
    /// What a [`Saver`] took down, read at `now`.
    pub fn new(bytes: &'a [u8], now: Instant) -> Self {
        Self { bytes, now }
    }

    /// The time, for those who wait for something.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The next value.
    ///
    /// # Errors
    /// [`StateError::Restore`] if there is none of this type.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, StateError> {
        rmp_serde::from_read(&mut self.bytes).map_err(|error| StateError::Restore(error.into()))
    }

    /// The values that [`Saver::put_all`] has written.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_all<T, C>(&mut self) -> Result<C, StateError>
    where
        T: DeserializeOwned,
        C: FromIterator<T>,
    {
        let count: usize = self.take()?;
        (0..count).map(|_| self.take()).collect()
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Why something that was to be kept could not be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A value has no serialised form.
    #[error("cannot write a value down")]
    Save(#[source] BoxError),
    /// What was written is not a value of the type that is asked for.
    #[error("cannot read a value that was written down")]
    Restore(#[source] BoxError),
}

/// For those that keep nothing.
macro_rules! stateless {
    ($($name:ident $(<$($param:ident),*>)?),* $(,)?) => {$(
        impl $(<$($param),*>)? crate::SaveState for $name $(<$($param),*>)? {
            fn save(&self, _to: &mut crate::Saver) -> Result<(), crate::StateError> {
                Ok(())
            }

            fn restore(&mut self, _from: &mut crate::Loader<'_>) -> Result<(), crate::StateError> {
                Ok(())
            }
        }
    )*};
}

/// For those that keep the values of some fields.
macro_rules! keeps {
    ($name:ident $(<$($param:ident $(: $kept:ident)?),*>)?, $($field:ident),+) => {
        impl $(<$($param $(: serde::Serialize + serde::de::$kept)?),*>)? crate::SaveState
            for $name $(<$($param),*>)?
        {
            fn save(&self, to: &mut crate::Saver) -> Result<(), crate::StateError> {
                $(to.put(&self.$field)?;)+
                Ok(())
            }

            fn restore(&mut self, from: &mut crate::Loader<'_>) -> Result<(), crate::StateError> {
                $(self.$field = from.take()?;)+
                Ok(())
            }
        }
    };
}
pub(crate) use {keeps, stateless};

//! Borrowed payload types that forgive everything but broken JSON.
//!
//! Providers send numbers as strings, objects where lists belong, nulls anywhere and fields that
//! nobody has documented. None of this may cost a payload: a field of a wrong type reads as
//! missing, a field given twice reads as its last value, and unknown fields are skipped or kept raw.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Implements the visits of JSON kinds that a type reads as missing.
macro_rules! missing {
    ($($kind:ident)*) => { $(missing!(@ $kind);)* };
    (@ null) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ number) => {
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ string) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ list) => {
        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            self,
            mut list: A,
        ) -> Result<Self::Value, A::Error> {
            while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (@ object) => {
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut object: A,
        ) -> Result<Self::Value, A::Error> {
            while object.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

/// Declares a payload struct: each field with the keys that it is read from.
///
/// With `rest: …` at the end, unknown fields that are not null are kept raw.
macro_rules! payload {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $($(#[$doc:meta])* $field:ident: $kind:ty = $($key:literal)|+,)*
            $(; $rest:ident)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<'a> {
            $($(#[$doc])* $field: $kind,)*
            $($rest: Vec<(std::borrow::Cow<'a, str>, &'a serde_json::value::RawValue)>,)?
            lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'de> serde::Deserialize<'de> for $name<'de> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct PayloadVisitor;
                impl<'de> serde::de::Visitor<'de> for PayloadVisitor {
                    type Value = $name<'de>;

                    fn expecting(
                        &self,
                        formatter: &mut std::fmt::Formatter<'_>,
                    ) -> std::fmt::Result {
                        formatter.write_str("a JSON value")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut object: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut value = $name::default();
                        while let Some(Key(key)) = object.next_key()? {
                            match &*key {
                                $($($key)|+ => value.$field = object.next_value()?,)*
                                _ => payload!(@unknown value object key $($rest)?),
                            }
                        }
                        Ok(value)
                    }

                    missing!(null bool number string list);
                }
                deserializer.deserialize_any(PayloadVisitor)
            }
        }
    };
    (@unknown $value:ident $object:ident $key:ident $rest:ident) => {{
        let raw: &serde_json::value::RawValue = $object.next_value()?;
        if raw.get() != "null" {
            $value.$rest.push(($key, raw));
        }
    }};
    (@unknown $value:ident $object:ident $key:ident) => {{
        let serde::de::IgnoredAny = $object.next_value()?;
    }};
}

pub(super) use {missing, payload};

/// Implements `Deserialize` through a visitor that takes any JSON value.
macro_rules! any {
    ($name:ident, $expecting:literal, { $($visits:tt)* }) => {
        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Any;
                impl<'de> Visitor<'de> for Any {
                    type Value = $name<'de>;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str($expecting)
                    }

                    $($visits)*
                }
                deserializer.deserialize_any(Any)
            }
        }
    };
}

/// An object's key.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A string; numbers read as their digits, everything else as missing.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, empty if it is missing.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, if there is a non-empty one.
    pub(super) fn non_empty(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

any!(Text, "a string", {
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    missing!(null bool list object);
});

/// A count; digits in a string read as their number, everything else as missing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count<'a>(pub(super) Option<u64>, PhantomData<&'a ()>);

impl From<u64> for Count<'_> {
    fn from(count: u64) -> Self {
        Self(Some(count), PhantomData)
    }
}

any!(Count, "a count", {
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Count(Some(number), PhantomData))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Count(u64::try_from(number).ok(), PhantomData))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        // A whole number in range prints as its digits.
        Ok(Count(number.to_string().parse().ok(), PhantomData))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Count(text.parse().ok(), PhantomData))
    }

    missing!(null bool list object);
});

/// Any value, kept as its text; null reads as missing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Raw<'a>(pub(super) Option<&'a RawValue>);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(Some(raw).filter(|raw| raw.get() != "null")))
    }
}

/// A value that is skipped.
#[derive(Debug, Default)]
pub(super) struct Skip;

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}

/// A list; a single object reads as a list of one, everything else as empty.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
                let one = serde::de::value::MapAccessDeserializer::new(object);
                Ok(List(vec![T::deserialize(one)?]))
            }

            missing!(null bool number string);
        }
        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// A value together with its text; null reads as missing.
#[derive(Debug)]
pub(super) struct Both<'a, T>(pub(super) Option<(&'a RawValue, T)>);

impl<T> Default for Both<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Both<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(raw) = Raw::deserialize(deserializer)?.0 else { return Ok(Self(None)) };
        let value = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self(Some((raw, value))))
    }
}

/// The arguments of a tool call: a string, or any other value as its text; null reads as missing.
#[derive(Debug, Default)]
pub(super) struct Arguments<'a>(pub(super) Option<Cow<'a, str>>);

impl Arguments<'_> {
    /// The text, empty if it is missing.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Arguments<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(raw) = Raw::deserialize(deserializer)?.0 else { return Ok(Self(None)) };
        if raw.get().starts_with('"') {
            let Text(text) = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
            return Ok(Self(text));
        }
        Ok(Self(Some(Cow::Borrowed(raw.get()))))
    }
}

/// Parses a value that has been kept raw; what it cannot be reads as missing.
pub(super) fn nested<'a, T: Deserialize<'a> + Default>(raw: Raw<'a>) -> T {
    raw.0.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

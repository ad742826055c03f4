//! Finds the numbers that JSON cannot say: `serde_json` writes NaN and infinity as `null`.

use std::fmt;

use serde::{Serialize, Serializer, ser};

/// Whether `value` holds a NaN or an infinity, be it as deep as it may.
pub(crate) fn is_finite<T: Serialize + ?Sized>(value: &T) -> bool {
    value.serialize(Check).is_ok()
}

/// Looks at every number and writes nothing.
struct Check;

/// A number is not finite, or cannot be looked at.
#[derive(Debug)]
struct NotFinite;

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number is not finite")
    }
}

impl std::error::Error for NotFinite {}

impl ser::Error for NotFinite {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

type Verdict = Result<(), NotFinite>;

fn check(finite: bool) -> Verdict {
    if finite { Ok(()) } else { Err(NotFinite) }
}

/// What holds no number by itself.
macro_rules! harmless {
    ($($method:ident($($argument:ty),*);)*) => {
        $(fn $method(self, $(_: $argument),*) -> Verdict {
            Ok(())
        })*
    };
}

/// What holds other values.
macro_rules! look_inside {
    ($($method:ident($($argument:ty),*);)*) => {
        $(fn $method<T: Serialize + ?Sized>(self, $(_: $argument,)* value: &T) -> Verdict {
            value.serialize(Self)
        })*
    };
}

/// What holds other values one after the other.
macro_rules! walk {
    ($($method:ident($($argument:ty),*) -> $part:ident;)*) => {
        $(type $part = Self;)*
        $(fn $method(self, $(_: $argument),*) -> Result<Self, NotFinite> {
            Ok(self)
        })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = NotFinite;

    fn serialize_f32(self, number: f32) -> Verdict {
        check(number.is_finite())
    }

    fn serialize_f64(self, number: f64) -> Verdict {
        check(number.is_finite())
    }

    harmless! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    look_inside! {
        serialize_some();
        serialize_newtype_struct(&'static str);
        serialize_newtype_variant(&'static str, u32, &'static str);
    }

    walk! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }
}

/// The parts of what holds other values.
macro_rules! parts {
    ($($part:ident: $($method:ident($($argument:ty),*))+;)*) => {
        $(impl ser::$part for Check {
            type Ok = ();
            type Error = NotFinite;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $argument,)* value: &T) -> Verdict {
                value.serialize(Self)
            })+

            fn end(self) -> Verdict {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key() serialize_value();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Newtype(f64),
        Tuple(u8, f64),
        Struct { field: f64 },
        Unit,
    }

    #[derive(Serialize)]
    struct Nested {
        name: &'static str,
        inner: Option<(f64, Vec<Shape>)>,
        map: BTreeMap<&'static str, f64>,
    }

    fn nested(inner: Option<(f64, Vec<Shape>)>, mapped: f64) -> Nested {
        Nested { name: "n", inner, map: BTreeMap::from([("k", mapped)]) }
    }

    #[test]
    fn a_number_is_found_wherever_it_hides() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!is_finite(&bad));
            assert!(!is_finite(&[1.0, bad]));
            assert!(!is_finite(&nested(Some((bad, vec![])), 1.0)));
            assert!(!is_finite(&nested(Some((1.0, vec![Shape::Newtype(bad)])), 1.0)));
            assert!(!is_finite(&nested(Some((1.0, vec![Shape::Tuple(1, bad)])), 1.0)));
            assert!(!is_finite(&nested(Some((1.0, vec![Shape::Struct { field: bad }])), 1.0)));
            assert!(!is_finite(&nested(None, bad)));
        }
        assert!(!is_finite(&f32::NAN));
    }

    #[test]
    fn what_json_can_say_is_let_through() {
        let shapes = vec![
            Shape::Newtype(1.0),
            Shape::Tuple(1, 2.0),
            Shape::Struct { field: 3.0 },
            Shape::Unit,
        ];
        assert!(is_finite(&nested(Some((f64::MAX, shapes)), f64::MIN)));
        assert!(is_finite(&nested(None, 0.0)));
    }
}

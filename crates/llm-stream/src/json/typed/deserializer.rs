//! A serde deserializer over the nodes of a growing document, pending ones left out.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected, VariantAccess,
        Visitor,
        value::{BorrowedStrDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{PARTIAL, ReadError};
use crate::json::{
    limits,
    node::{JsonChildren, JsonNode},
    tree::{JsonKind, JsonState},
};

/// Reads one node, which must not be pending.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'de> {
    node: JsonNode<'de>,
    /// How many levels of arrays and objects may be entered from here.
    levels: usize,
}

impl<'de> NodeDeserializer<'de> {
    pub(super) fn new(node: JsonNode<'de>) -> Self {
        Self { node, levels: limits::READ_DEPTH_MAX }
    }

    /// The children of the node, if they are not too deep.
    fn enter(self) -> Result<Children<'de>, ReadError> {
        let Some(levels) = self.levels.checked_sub(1) else {
            let limit = limits::READ_DEPTH_MAX;
            let message = format_args!("nested deeper than {limit} levels");
            return Err(ReadError { is_final: true, ..ReadError::custom(message) });
        };
        Ok(Children { nodes: self.node.children(), levels })
    }

    fn located<T>(self, result: Result<T, ReadError>) -> Result<T, ReadError> {
        result.map_err(|error| error.at(self.node))
    }

    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let node = self.node;
        match node.kind() {
            None => Err(ReadError::custom("pending value")),
            Some(JsonKind::Null) => visitor.visit_unit(),
            Some(JsonKind::Bool) => visitor.visit_bool(node.as_bool().unwrap_or_default()),
            Some(JsonKind::String) => visitor.visit_borrowed_str(node.as_str().unwrap_or_default()),
            Some(JsonKind::Array) => {
                let mut children = self.enter()?;
                let value = visitor.visit_seq(&mut children)?;
                match children.next() {
                    None => Ok(value),
                    Some(_) => Err(ReadError::invalid_length(node.len(), &"fewer elements")),
                }
            }
            Some(JsonKind::Object) => {
                visitor.visit_map(Members { children: self.enter()?, current: None })
            }
            Some(JsonKind::Number) => match node.as_number() {
                Some(number) => number.deserialize_any(visitor).map_err(ReadError::custom),
                None => Err(ReadError::custom("pending number")),
            },
        }
    }

    fn variant<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let node = self.node;
        match node.kind() {
            Some(JsonKind::String) if node.state() == JsonState::Complete => {
                let name = node.as_str().unwrap_or_default();
                visitor.visit_enum(BorrowedStrDeserializer::new(name))
            }
            Some(JsonKind::Object) if node.len() == 1 => match self.enter()?.next() {
                Some(content) => visitor.visit_enum(Variant(content)),
                None => Err(ReadError::custom("expected a variant")),
            },
            _ => Err(ReadError::custom("expected a variant name, or an object with one member")),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.located(self.any(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.located(if self.node.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.located(if name == PARTIAL {
            visitor.visit_seq(StateAndValue { value: self, told_state: false })
        } else {
            visitor.visit_newtype_struct(self)
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.located(self.variant(visitor))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.located(match self.node.as_str() {
            Some(name) => visitor.visit_borrowed_str(name),
            // A derived visitor would take a number as the index of a variant.
            None => Err(ReadError::invalid_type(Unexpected::Other("another value"), &visitor)),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
    }
}

/// The elements of an array, or the members of an object.
struct Children<'de> {
    nodes: JsonChildren<'de>,
    levels: usize,
}

impl<'de> Children<'de> {
    fn next(&mut self) -> Option<NodeDeserializer<'de>> {
        let node = self.nodes.find(|child| child.state() != JsonState::Pending)?;
        Some(NodeDeserializer { node, levels: self.levels })
    }
}

impl<'de> SeqAccess<'de> for Children<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        self.next().map(|child| seed.deserialize(child)).transpose()
    }
}

/// The members of an object.
struct Members<'de> {
    children: Children<'de>,
    current: Option<NodeDeserializer<'de>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = ReadError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        self.current = self.children.next();
        match self.current {
            Some(NodeDeserializer { node: child, .. }) => {
                let key = KeyDeserializer(child.key().unwrap_or_default());
                let refused = |error: ReadError| ReadError { is_final: true, ..error.at(child) };
                seed.deserialize(key).map(Some).map_err(refused)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        match self.current.take() {
            Some(child) => seed.deserialize(child),
            None => Err(ReadError::custom("a value was asked for before its key")),
        }
    }
}

/// A key, which also serves as a number or a boolean, as in `serde_json`.
struct KeyDeserializer<'de>(&'de str);

macro_rules! parse_key {
    ($($method:ident => $visit:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = ReadError;

    parse_key! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// What a [`Partial`](super::Partial) asks for: whether the value is complete, then the value,
/// or nothing if it does not fit yet.
struct StateAndValue<'de> {
    value: NodeDeserializer<'de>,
    told_state: bool,
}

impl<'de> SeqAccess<'de> for StateAndValue<'de> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ReadError> {
        if self.told_state {
            return match self.value.located(seed.deserialize(self.value)) {
                Err(error) if !error.is_final => Ok(None),
                result => result.map(Some),
            };
        }
        self.told_state = true;
        let is_complete = self.value.node.state() == JsonState::Complete;
        SeqDeserializer::new(std::iter::once(is_complete)).next_element_seed(seed)
    }
}

/// An enum variant with content, written as an object with one member.
struct Variant<'de>(NodeDeserializer<'de>);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name = BorrowedStrDeserializer::new(self.0.node.key().unwrap_or_default());
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        serde::Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.0.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.0.deserialize_any(visitor)
    }
}

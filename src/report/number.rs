//! Numbers and ordered maps as a report's JSON holds them.
//!
//! Guarantees: a `Number` is finite and has at most ten significant digits, so two platforms whose
//! last bits differ write the same text, and a report that was saved and read again is equal to the
//! first.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::analysis::Interval;
use crate::figure;

/// A finite number of ten significant digits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Number(f64);

impl Number {
    /// `x` rounded to ten significant digits; `None` when it is not finite.
    #[must_use]
    pub fn new(x: f64) -> Option<Self> {
        figure::rounded(x).map(Self)
    }

    /// The ends of an interval; `None` when one is not finite.
    #[must_use]
    pub fn ends(interval: Interval) -> Option<[Self; 2]> {
        Some([Self::new(interval.lower)?, Self::new(interval.upper)?])
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?)
            .ok_or_else(|| D::Error::custom("expected a finite number"))
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A map that keeps the order in which it was built: variations stand in the experiment's order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Ordered<T> {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Ordered_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_digits_and_nothing_infinite() {
        assert_eq!(Number::new(0.1 + 0.2).unwrap().get(), 0.3);
        assert_eq!(Number::new(1.0 / 3.0).unwrap().get(), 0.333_333_333_3);
        assert_eq!(Number::new(-0.0).unwrap().get().to_bits(), 0.0_f64.to_bits());
        assert!([f64::NAN, f64::INFINITY].iter().all(|&x| Number::new(x).is_none()));
    }
}

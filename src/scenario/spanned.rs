//! A value with its place in the file, for the fields that name something or have to sum.
//!
//! RON's raw values borrow the file's own bytes, so the distance of such a slice from the start of the file is its span.
//!
//! Does not know: what the value means.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use ron::value::RawValue;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

thread_local! {
    /// Address and length of the text that is being read.
    static TEXT: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Reads `text` with `read`, so that spanned values know where they are.
pub fn within<T>(text: &str, read: impl FnOnce(&str) -> T) -> T {
    let before = TEXT.replace((text.as_ptr() as usize, text.len()));
    let result = read(text);
    TEXT.set(before);
    result
}

/// A value and the bytes that it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands; empty for a default that nobody wrote.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// A value that nobody wrote.
    pub fn unwritten(value: T) -> Self {
        Self { value, span: 0..0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = <&'de RawValue>::deserialize(deserializer)?;
        let (text, written) = (raw.get_ron(), raw.trim().get_ron());
        let value = super::options().from_str(text).map_err(|error| D::Error::custom(error.code))?;
        let (base, length) = TEXT.get();
        let start = (written.as_ptr() as usize).wrapping_sub(base);
        let span = if start <= length { start..(start + written.len()).min(length) } else { 0..0 };
        Ok(Self { value, span })
    }
}

/// A map that keeps its order, its duplicates, and the places of its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<V>(pub Vec<(Spanned<String>, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reader<V> {
            type Value = Entries<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map such as { \"key\": … }")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader(PhantomData))
    }
}

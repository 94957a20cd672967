//! Damage to sound input: changed bytes, and changes that keep the shape: other numbers, texts,
//! values, depths and lengths.

/// A generator of its own: what it draws has to stay the same for a seed, and nothing else.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const NUMBERS: [&str; 30] = [
    "0",
    "-1",
    "1",
    "2",
    "255",
    "256",
    "65536",
    "1000001",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "1e18",
    "1e308",
    "-1e308",
    "1e309",
    "1e-320",
    "0.5",
    "-0.0",
    "NaN",
    "inf",
    "-inf",
    "1e999999999",
    "0x10",
    "1_000",
];

const TEXTS: [&str; 34] = [
    "",
    " ",
    "0",
    "-1",
    "NaN",
    "\u{0}",
    "é\u{301}\u{202e}\u{feff}",
    "\\ud800",
    "\\u0000",
    "../../etc/passwd",
    "__proto__",
    "$ref",
    "1969-12-31T23:59:59Z",
    "1900-01-01",
    "0000-00-00",
    "-0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-13-45",
    "2026-02-30T25:61:61+99:99",
    "292277026596-12-04",
    "-5s",
    "1e30s",
    "99999999999999h",
    "0.0000000000001ms",
    "$1e300",
    "$-1",
    "NaN%",
    "1e400%",
    "101%",
    "(a+)+$",
    "[",
    "\\p{Greek}{1000000}",
    "tool_use",
    "user",
];

/// What begins and ends a level of depth in the formats of the targets.
const DEPTHS: [(&str, &str); 5] =
    [("[", "]"), ("{\"a\":", "}"), ("(", ")"), ("(a:", ")"), ("Some(", ")")];

const VALUES: [&str; 12] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "()",
    "None",
    "[[]]",
    "{\"a\":{}}",
    "[null,null]",
    "1",
    "\"x\"",
];

/// `sound` with some damage; `others` are sound inputs whose pieces may come into it.
pub fn damaged(random: &mut Random, sound: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut bytes, others);
    }
    bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let at = random.below(bytes.len());
    let reach = 1 << random.below(10);
    let end = (at + 1 + random.below(reach)).min(bytes.len());
    match random.below(20) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at.min(end)..end].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let other = &others[random.below(others.len())];
            let from = random.below(other.len());
            let to = (from + random.below(200)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        6 => {
            // A line or field many times over.
            let piece = bytes[at.min(end)..end].to_vec();
            let times = 1 << random.below(10);
            bytes.splice(at..at, piece.repeat(times).into_iter().take(1 << 20));
        }
        7 => {
            let (open, close) = DEPTHS[random.below(DEPTHS.len())];
            let depth = 1 << random.below(18);
            let inner = if random.below(2) == 0 { "1" } else { "" };
            let deep = format!(
                "{}{inner}{}",
                open.repeat(depth),
                if random.below(3) == 0 { String::new() } else { close.repeat(depth) }
            );
            replace(random, bytes, value_at, deep.as_bytes());
        }
        8 => {
            let long = if random.below(8) == 0 { 1 << 20 } else { 1 << random.below(14) };
            let long = format!("\"{}\"", random.pick(&["a", "é", "1", "a.", "\\n"]).repeat(long));
            replace(random, bytes, text_at, long.as_bytes());
        }
        9 | 10 => {
            let value = random.pick(&VALUES);
            replace(random, bytes, value_at, value.as_bytes());
        }
        11 | 12 => {
            let text = format!("\"{}\"", random.pick(&TEXTS));
            replace(random, bytes, text_at, text.as_bytes());
        }
        13 => {
            // Two values change places.
            let (first, second) = (value_at(random, bytes), value_at(random, bytes));
            if let (Some(first), Some(second)) = (first, second)
                && first.end <= second.start
            {
                let moved = bytes[second.clone()].to_vec();
                let back = bytes[first.clone()].to_vec();
                bytes.splice(second, back);
                bytes.splice(first, moved);
            }
        }
        _ => {
            let number = random.pick(&NUMBERS);
            replace(random, bytes, number_at, number.as_bytes());
        }
    }
}

type Place = std::ops::Range<usize>;

fn replace(
    random: &mut Random,
    bytes: &mut Vec<u8>,
    find: fn(&mut Random, &[u8]) -> Option<Place>,
    with: &[u8],
) {
    if let Some(place) = find(random, bytes) {
        bytes.splice(place, with.iter().copied());
    }
}

/// A number somewhere behind a random place.
fn number_at(random: &mut Random, bytes: &[u8]) -> Option<Place> {
    let from = random.below(bytes.len());
    let begin = from
        + bytes[from..]
            .windows(2)
            .position(|two| !two[0].is_ascii_alphanumeric() && two[1].is_ascii_digit())?
        + 1;
    let part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'_');
    Some(begin..begin + bytes[begin..].iter().take_while(|byte| part(byte)).count())
}

/// A text in quotes somewhere behind a random place.
fn text_at(random: &mut Random, bytes: &[u8]) -> Option<Place> {
    let from = random.below(bytes.len());
    let begin = from + bytes[from..].iter().position(|&byte| byte == b'"')?;
    let length = bytes[begin + 1..].iter().position(|&byte| byte == b'"')?;
    Some(begin..begin + length + 2)
}

/// What stands between a colon or comma and the next comma or end of a level.
fn value_at(random: &mut Random, bytes: &[u8]) -> Option<Place> {
    let from = random.below(bytes.len());
    let begin = from + bytes[from..].iter().position(|byte| matches!(byte, b':' | b','))? + 1;
    let length =
        bytes[begin..].iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b')' | b'\n'))?;
    Some(begin..begin + length)
}

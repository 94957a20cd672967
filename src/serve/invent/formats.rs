//! The formats of JSON Schema: texts of each, and whether a text is of one.
//!
//! Source: JSON Schema 2020-12, validation, section 7.3, and the RFCs that it names.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The `nth` text of a format, within these bounds in characters as far as the format can be;
/// `None` for unknown formats.
pub(super) fn write(
    format: &str,
    words: &str,
    nth: usize,
    least: usize,
    most: usize,
) -> Option<String> {
    let n = nth + 1;
    let mark = xxhash_rust::xxh3::xxh3_64(words.as_bytes());
    let long = |fixed: usize| "a".repeat(least.saturating_sub(fixed));
    Some(match format {
        "date" => {
            format!("{:04}-{:02}-{:02}", 2026 + nth / 336 % 900, 1 + nth / 28 % 12, 1 + nth % 28)
        }
        // JSON Schema's `time` has a zone, but widely used checkers take the older form alone:
        // Python's `FormatChecker()`, and zod. So the first has none, and a length or pattern that
        // asks for a zone gets one.
        "time" if nth.is_multiple_of(2) && least <= 8 => {
            format!("{}:30:{:02}", hour(nth / 2), nth / 2 % 60)
        }
        "time" => format!("{}:30:{:02}{}", hour(nth / 2), nth / 2 % 60, zone(least, 8)),
        "date-time" => format!(
            "2026-{:02}-{:02}T{}:30:00{}",
            1 + nth / 28 % 12,
            1 + nth % 28,
            hour(nth / 336),
            zone(least, 19)
        ),
        "duration" => match least {
            0..=3 => format!("P{n}D"),
            _ => format!("P{}D", "1".repeat(least.saturating_sub(3)) + &n.to_string()),
        },
        "email" | "idn-email" if most < 24 => {
            format!("{}{}@b.co", short(nth), long(short(nth).len() + 5))
        }
        "email" | "idn-email" => {
            let mut local = format!("user{n}{}", "a".repeat(least.saturating_sub(20).min(40)));
            let missing = least.saturating_sub(local.len() + "@example.com".len());
            if missing == 1 {
                local.push('a');
            }
            format!("{local}@{}", labels(missing, "example.com"))
        }
        "hostname" | "idn-hostname" if most < 24 => {
            format!("{}{}", short(nth), long(short(nth).len()))
        }
        "hostname" | "idn-hostname" => {
            let host = format!("host{n}.example.com");
            let missing = least.saturating_sub(host.len());
            if missing == 1 { format!("a{host}") } else { labels(missing, &host) }
        }
        "ipv4" => format!("192.0.{}.{}", 2 + nth / 250 % 250, 1 + nth % 250),
        "ipv6" if least > 12 => format!("2001:0db8:0000:0000:0000:0000:0000:{:04x}", n & 0xffff),
        "ipv6" => format!("2001:db8::{:x}", n & 0xffff),
        "uri" | "iri" if most < 30 && nth > 3 => {
            format!("a:{}{}", short(nth - 4), long(short(nth - 4).len() + 2))
        }
        // A pattern may ask for another scheme or the bare host.
        "uri" | "iri" => match nth % 4 {
            1 => format!("http://example.com/{n}{}", long(21)),
            2 => format!("https://www.example.com/{n}{}", long(25)),
            3 => format!(
                "https://example.com{}",
                if least > 19 { format!("/{}", long(20)) } else { String::new() }
            ),
            _ => format!("https://example.com/{n}{}", long(21)),
        },
        "uri-reference" | "iri-reference" | "uri-template" => format!("/{}{}", short(nth), long(2)),
        "uuid" => {
            let tail = (mark ^ nth as u64) & 0xffff_ffff_ffff;
            format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{tail:012x}",
                mark >> 32,
                mark >> 16 & 0xffff,
                mark & 0xfff,
                mark >> 20 & 0xfff
            )
        }
        "json-pointer" => format!("/{}{}", short(nth), long(2)),
        "relative-json-pointer" if least > 3 => format!("1/{}{}", short(nth), long(3)),
        "relative-json-pointer" => nth.to_string(),
        "regex" => format!("{}{}", short(nth), long(1)),
        _ => return None,
    })
}

fn hour(nth: usize) -> String {
    format!("{:02}", 9 + nth / 60 % 8)
}

/// The end of a time, so long that the text has `least` characters.
fn zone(least: usize, before: usize) -> String {
    match least.saturating_sub(before + 1) {
        0 => "Z".to_owned(),
        digits => format!(".{}Z", "0".repeat(digits.saturating_sub(1).max(1))),
    }
}

/// A number as lower-case letters.
fn short(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.insert(0, char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return text;
        }
        number -= 1;
    }
}

/// A domain with `more` characters of labels and dots before it, 2 or more; a label has at most 63.
fn labels(more: usize, domain: &str) -> String {
    let mut text = domain.to_owned();
    let mut left = more;
    while left > 1 {
        // Never one character alone at the end: that would be a dot without a label.
        let part = if left == 61 { 59 } else { left.min(60) };
        text.insert_str(0, &format!("{}.", "a".repeat(part - 1)));
        left -= part;
    }
    text
}

/// Whether a text is of a format. It is a little stricter than the standard where that is simpler:
/// what is written above fits.
pub(super) fn fits(format: &str, text: &str) -> bool {
    match format {
        "date" => is_date(text),
        "time" => is_time(text) || is_time(&format!("{text}Z")),
        "date-time" => text.split_at_checked(10).is_some_and(|(date, rest)| {
            is_date(date) && rest.strip_prefix(['T', 't']).is_some_and(is_time)
        }),
        "duration" => text.strip_prefix('P').is_some_and(|rest| {
            rest.bytes().all(|b| b.is_ascii_digit() || b"YMWDTHS".contains(&b))
                && rest.ends_with(|c: char| c.is_ascii_uppercase())
        }),
        "email" | "idn-email" => text.rsplit_once('@').is_some_and(|(local, domain)| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
            let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
            (1..=64).contains(&local.len())
                && local.bytes().all(plain)
                && !dots
                && is_hostname(domain)
        }),
        "hostname" | "idn-hostname" => is_hostname(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "uri" | "iri" => text.split_once(':').is_some_and(|(scheme, rest)| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(plain)
                && is_uri_text(rest)
        }),
        "uri-reference" | "iri-reference" | "uri-template" => is_uri_text(text),
        "uuid" => {
            text.len() == 36
                && text.bytes().enumerate().all(|(at, b)| {
                    if [8, 13, 18, 23].contains(&at) { b == b'-' } else { b.is_ascii_hexdigit() }
                })
        }
        "json-pointer" => text.is_empty() || text.starts_with('/') && !text.contains('~'),
        "relative-json-pointer" => {
            text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('~')
        }
        _ => true,
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |text: &str, width: usize| {
        (text.len() == width && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())?
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let two = |tens: u8, ones: u8, most: u8| {
        tens.is_ascii_digit() && ones.is_ascii_digit() && (tens - b'0') * 10 + (ones - b'0') <= most
    };
    let &[h, hour, b':', m, minute, b':', s, second] = clock.as_bytes() else { return false };
    if !(two(h, hour, 23) && two(m, minute, 59) && two(s, second, 59)) {
        return false;
    }
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    let offset = |text: &str| match *text.as_bytes() {
        [h, hour, b':', m, minute] => two(h, hour, 23) && two(m, minute, 59),
        _ => false,
    };
    matches!(zone, "Z" | "z") || zone.strip_prefix(['+', '-']).is_some_and(offset)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let digits = label.as_bytes().get(2..4) == Some(b"--");
        (1..=63).contains(&label.len())
            && plain
            && !digits
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (1..=253).contains(&text.len()) && text.split('.').all(label)
}

fn is_uri_text(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&b))
        && text.matches('#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_time_has_two_digits_in_each_place() {
        assert!(
            ["00:00:00Z", "23:59:59.25z", "12:00:00+05:30", "12:00:00-23:59"]
                .into_iter()
                .all(|text| fits("time", text))
        );
        let wrong = [
            "24:00:00Z",
            "1:00:000Z",
            "12:00:60Z",
            "12-00-00Z",
            "12:00:00+24:00",
            "12:00:00++5:+5",
            "12:00:00+05:+5",
            "éé:00:00Z",
        ];
        assert!(wrong.into_iter().all(|text| !fits("time", text)));
    }
}

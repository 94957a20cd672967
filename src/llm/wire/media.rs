//! Images, documents and sounds in requests: how large they are, and how many tokens that is where
//! several providers count alike.
//!
//! Guarantees: any bytes have a count; what cannot be read is counted like what is usual.
//!
//! Does not know: what is to be seen or heard in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::knowledge::tokens::count;

/// Width and height in pixels.
pub(super) type Pixels = (u32, u32);

/// What is assumed of an image whose size cannot be read, such as one that is only named by its
/// address.
pub(super) const USUAL: Pixels = (1_024, 1_024);
/// Milliseconds that are assumed of a sound whose length cannot be read.
const USUAL_MS: u64 = 10_000;
/// Bytes a second of a compressed sound: 128 kbit.
const COMPRESSED: u64 = 16_000;
/// Tokens of a second of sound: the page on tokens of the Gemini API's documentation.
pub(super) const GEMINI_TOKENS_PER_SECOND: u64 = 32;

/// The bytes behind base64, with or without `data:…;base64,` before it; none where it is none.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let data = match text.strip_prefix("data:") {
        Some(rest) => rest.split_once(";base64,")?.1,
        None => text,
    };
    STANDARD.decode(data.trim_end()).ok()
}

/// The size of an image, where its format is known.
pub(super) fn size(bytes: &[u8]) -> Option<Pixels> {
    let size = imagesize::blob_size(bytes).ok()?;
    let side = |pixels: usize| u32::try_from(pixels).ok().filter(|pixels| *pixels > 0);
    Some((side(size.width)?, side(size.height)?))
}

/// The tokens of a text.
pub(super) fn text_tokens(text: &str) -> u32 {
    count(text)
}

/// The pages of a PDF, at least one.
pub(super) fn pages(bytes: &[u8]) -> u32 {
    // The objects of pages; in compressed files they cannot be seen.
    let mark = b"/Type";
    let mut found = 0_u32;
    for (at, _) in bytes.windows(mark.len()).enumerate().filter(|(_, window)| window == mark) {
        let rest = bytes.get(at + mark.len()..).unwrap_or_default().trim_ascii_start();
        let Some(after) = rest.strip_prefix(b"/Page") else { continue };
        found += u32::from(!after.first().is_some_and(u8::is_ascii_alphanumeric));
    }
    found.max(1)
}

/// The length of a sound in milliseconds: read off a WAV file, or else by its bytes.
pub(super) fn milliseconds(bytes: &[u8]) -> u64 {
    if bytes.is_empty() {
        return USUAL_MS;
    }
    let wave = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE");
    // Bytes a second stand in the usual place of the format chunk.
    let rate = bytes.get(28..32).and_then(|rate| rate.try_into().ok()).map(u32::from_le_bytes);
    let rate = rate.filter(|rate| wave && *rate > 0).map_or(COMPRESSED, u64::from);
    (bytes.len() as u64).saturating_mul(1_000) / rate
}

/// Tokens of a sound.
pub(super) fn sound(bytes: &[u8], per_second: u64) -> u32 {
    let tokens = milliseconds(bytes).saturating_mul(per_second).div_ceil(1_000);
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// Tokens of an image for Claude: a token for 750 pixels, of an image that is scaled down to 1,568
/// pixels on its long edge and to about 1,600 tokens. Source: the page on vision of Anthropic's
/// documentation.
pub(super) fn claude_image(size: Option<Pixels>) -> u32 {
    let (width, height) = size.unwrap_or(USUAL);
    let long = width.max(height).max(1_568);
    let scaled = |side: u32| u64::from(side) * 1_568 / u64::from(long);
    let pixels = scaled(width) * scaled(height);
    u32::try_from(pixels.div_ceil(750)).unwrap_or(u32::MAX).min(1_600)
}

/// Tokens of a document for Claude: a PDF of three pages has about 7,000, by the page on PDFs of
/// Anthropic's documentation; a text its own.
pub(super) fn claude_document(bytes: &[u8]) -> u32 {
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(b"%PDF") => count(text),
        _ => pages(bytes).saturating_mul(7_000) / 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claudes_images_are_those_of_the_documentation() {
        // The table of the page on vision.
        for (side, tokens) in [(200, 54), (1_000, 1_334), (1_092, 1_590)] {
            assert_eq!(claude_image(Some((side, side))), tokens);
        }
        assert_eq!(claude_image(Some((8_000, 8_000))), 1_600);
        assert_eq!(claude_image(Some((3_136, 100))), 105);
        assert_eq!(claude_image(Some((u32::MAX, 1))), 0);
    }

    #[test]
    fn sizes_pages_and_lengths_are_read() {
        let pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
        assert_eq!(size(&decoded(pixel).unwrap()), Some((1, 1)));
        assert_eq!((decoded("data:image/png,x"), decoded("?"), size(b"GIF")), (None, None, None));
        let pdf = b"%PDF-1.4 1 0 obj <</Type/Pages/Count 2>> 2 0 obj <</Type /Page>> 3 0 obj <</Type/Page/Parent 1 0 R>>";
        assert_eq!((pages(pdf), pages(b""), claude_document(pdf)), (2, 1, 4_666));
        // One second of a WAV of 8,000 samples of two bytes.
        let mut wave =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
                .to_vec();
        wave.resize(16_000, 0);
        assert_eq!((milliseconds(&wave), sound(&wave, 32)), (1_000, 32));
        assert_eq!((milliseconds(b""), milliseconds(&[0; 32_000])), (10_000, 2_000));
    }
}

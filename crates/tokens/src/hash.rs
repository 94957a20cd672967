//! Where a token's bytes lie in the table of slots. The build script places tokens by it, and the
//! program finds them by it.

/// Slots of the table: a power of two, more than twice the tokens, so that a search is short.
pub const N_SLOTS: usize = 1 << 19;

/// The bytes as one number of 64 well-mixed bits.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut mixed = bytes.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        if let Some(start) = word.get_mut(..chunk.len()) {
            start.copy_from_slice(chunk);
        }
        let product = u128::from(mixed ^ u64::from_le_bytes(word)) * 0xa076_1d64_78bd_642f;
        mixed = (product >> 64) as u64 ^ product as u64;
    }
    mixed
}

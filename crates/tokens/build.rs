//! Places the tokens of the byte-pair table in slots, so that the program finds them without
//! building anything when it starts.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

#[path = "src/hash.rs"]
mod hash;

const TOKENS: &str = "src/o200k_base.bin";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/hash.rs");
    println!("cargo::rerun-if-changed={TOKENS}");
    let tokens = fs::read(TOKENS)?;
    let mut starts = Vec::new();
    // A slot holds a rank plus one; 0 marks an empty one.
    let mut slots = vec![0_u32; hash::N_SLOTS];
    let (mut rest, mut rank) = (tokens.as_slice(), 0);
    while let [length, after @ ..] = rest {
        let (token, after) = after
            .split_at_checked(usize::from(*length))
            .ok_or("the table of tokens ends within a token")?;
        starts.push(u32::try_from(tokens.len() - rest.len())?);
        let mut slot = hash::hash(token) as usize % hash::N_SLOTS;
        while slots.get(slot).is_some_and(|&taken| taken != 0) {
            slot = (slot + 1) % hash::N_SLOTS;
        }
        rank += 1;
        *slots.get_mut(slot).ok_or("a slot lies outside of the table")? = rank;
        rest = after;
    }
    let folder = env::var("OUT_DIR")?;
    let bytes =
        |numbers: Vec<u32>| -> Vec<u8> { numbers.into_iter().flat_map(u32::to_le_bytes).collect() };
    fs::write(Path::new(&folder).join("token_starts.bin"), bytes(starts))?;
    fs::write(Path::new(&folder).join("token_slots.bin"), bytes(slots))?;
    Ok(())
}

//! The program: see the library's documentation for the picture.

fn main() {}

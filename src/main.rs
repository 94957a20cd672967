//! The program: see the library's documentation for the picture.

use std::process::ExitCode;

fn main() -> ExitCode {
    simlab::cli::main()
}

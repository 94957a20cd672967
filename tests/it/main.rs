//! Whole programs and whole-house rules: text in; standard output, standard error and exit status out.

mod calibration;
mod counting;
mod laws;
mod mistakes;
mod published;
mod serve;
mod tidy;

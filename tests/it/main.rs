//! Whole programs and whole-house rules: text in; standard output, standard error and exit status
//! out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on here shall stop loudly"
)]

mod adaptive;
mod analyze;
mod architecture;
mod calibration;
mod circles;
mod claims;
mod class;
mod conversations;
mod counting;
mod decoders;
mod drive;
mod event_families;
mod export_shapes;
mod foreign_events;
mod graph_report;
mod graph_variations;
mod graphs;
mod guards;
mod hindsight_and_adjustments;
mod hostile_files;
mod judged;
mod lab;
mod laws;
mod learn;
mod lessons;
mod live;
mod live_flags;
mod live_flags_faults;
mod mcp;
mod mcp_http;
mod mistakes;
mod model_prices;
mod other_files;
mod outcomes;
mod output_schema;
mod own_events;
mod paired;
mod picture_of_play;
mod pictures;
mod plan;
mod play;
mod power;
mod power_pool;
mod program;
mod progress;
mod project;
mod published;
mod questions;
mod readme;
mod reference;
mod report_reference;
mod right_values;
mod saved_runs;
mod serve;
mod serve_abuse;
mod serve_answers;
mod serve_faults;
mod serve_batches;
mod serve_bedrock;
mod serve_gemini;
mod serve_grades;
mod serve_kept;
mod serve_as_run;
mod serve_clients;
mod serve_keys;
mod serve_made;
mod serve_media;
mod serve_models;
mod serve_parity;
mod serve_prose;
mod serve_responses;
mod serve_roles;
mod serve_sdk;
mod serve_state;
mod steps;
mod studies;
mod table_faults;
mod table_studies;
mod tables;
mod tidy;
mod traces_calibrated;
mod traces_power;
mod triggered;
mod truth;
mod users;
#[cfg(target_os = "linux")]
mod warehouse;
mod watch;
mod words;

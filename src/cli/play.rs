//! `simlab play`: the page to play with, until somebody says stop.
//!
//! Guarantees: the address is the first line on standard output, as `serve` prints it.
//!
//! Does not know: what the page shows.

use std::sync::Arc;

use clap::Args;

use super::args_number::whole;
use super::commands::{Ended, backend_failed, read};
use super::exit::Exit;
use super::output;
use crate::play::Play;
use crate::serve::PageServer;

pub(super) const PLAY_EXAMPLES: &str = "Examples:
  simlab play                             the tutorial's first experiment
  simlab play my.ron --port 8080          your own scenario";

/// The arguments of `play`.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(default_value = "security")]
    pub scenario: String,
    /// Port on loopback; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u16>(0..=u16::MAX.into()))]
    pub port: u16,
}

/// Serves the page until told to stop.
pub fn play(args: &PlayArgs) -> Ended {
    let play = Play::new(read(&args.scenario)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| backend_failed(&error))?;
    let ended = runtime.block_on(async {
        let server = PageServer::bind(args.port).await.map_err(|error| backend_failed(&error))?;
        let url = format!("http://{}", server.address());
        output::result(&format!("{{\"listening\": \"{url}\"}}\n"))
            .map_err(|error| backend_failed(&error))?;
        output::message(&format!("open {url} in a browser; Ctrl-C ends simlab play"));
        server
            .run(Arc::new(move |request| play.answer(request)), super::signals::told_to_stop(false))
            .await;
        Ok(Exit::Ran)
    });
    // A run that is under way has no result that anybody waits for.
    runtime.shutdown_background();
    ended
}

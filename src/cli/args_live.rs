//! The help of `run --live`, with the environment variables of all providers.

use super::args_serve::named_address;
use crate::llm::wire::{PROVIDERS, Provider};

/// Reads the key of a tool and the address of its server.
pub fn tool(text: &str) -> Result<(String, String), String> {
    named_address(text, "KEY=URL, such as my_search=http://127.0.0.1:9000/mcp")
}

/// What `--live` does, and what it reads from the environment.
pub fn help() -> String {
    let all = |name: fn(&Provider) -> &'static str| {
        PROVIDERS.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let keys = all(|provider| provider.key_variable);
    let addresses = all(|provider| provider.base_variable);
    format!(
        "Use the real providers and the real LaunchDarkly. Before the run, simlab shows what it will \
         create and what the run is expected to cost, and asks. Keys come from the environment: \
         {keys} (those that the scenario needs), LD_SDK_KEY, LD_API_KEY; other addresses from \
         {addresses}, LD_BASE_URL"
    )
}

//! `simlab mcp`: a tool of a scenario as a server of the Model Context Protocol, over standard input
//! and output.
//!
//! Guarantees: standard output has answers only; it ends with its input.
//!
//! Does not know: what is answered.

use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::thread;

use super::args_mcp::McpArgs;
use super::commands::{Ended, backend_failed, bad_file, read};
use super::exit::Exit;
use super::output;
use crate::agents::MockTools;
use crate::diagnostic::{self, Diagnostic, shell_argument};
use crate::random::Seed;
use crate::run::PreparedScenario;
use crate::serve::{ToolClock, ToolServer, ToolServerReply, service_name, tool_named};

/// Answers until the input ends.
pub fn mcp(args: &McpArgs) -> Ended {
    if let Some(folder) = &args.write {
        return write(folder, args);
    }
    let loaded = read(&args.scenario)?;
    let scenario = &loaded.scenario;
    let name = args.tool.as_deref().unwrap_or_default();
    let Some(tool) = tool_named(&scenario.tools, name) else {
        let known: Vec<&str> = scenario.tools.iter().map(service_name).collect();
        let near = diagnostic::nearest(name, known.iter().copied());
        let help = near.map_or_else(
            || format!("its tools are: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let fault = Diagnostic::new(format!("`{}` has no tool `{name}`", scenario.name)).help(help);
        output::message(fault.render(output::message_color()).trim_end());
        return Err(Exit::Usage);
    };
    let seed = args.seed.map_or(scenario.seed, Seed);
    let stage = PreparedScenario::new(scenario, seed)
        .map_err(|error| bad_file(&[Diagnostic::new(error.to_string())]))?;
    let mock = stage.mock(seed, &[]);
    let tools = MockTools::new(&mock, &stage.library);
    let mut server = ToolServer::new(tools, stage.texts(), tool);
    let mut clock = ToolClock::new(args.time_scale);
    for line in io::stdin().lock().lines() {
        // What is no text is no JSON either.
        let line = match line {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => "\u{fffd}".to_owned(),
            Err(_) => break,
        };
        if line.trim().is_empty() {
            continue;
        }
        clock.message();
        let mut refusals = 0;
        let answer = loop {
            match server.answer(&line, clock.now(), refusals) {
                ToolServerReply::Nothing => break None,
                ToolServerReply::Message(answer, latency) => {
                    thread::sleep(clock.wait(latency));
                    break Some(answer);
                }
                ToolServerReply::Again(wait) => {
                    refusals += 1;
                    thread::sleep(clock.wait(wait));
                }
            }
        };
        if let Some(answer) = answer {
            let mut out = io::stdout().lock();
            // Whoever asked may be gone.
            if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
                break;
            }
        }
    }
    Ok(Exit::Ran)
}

/// Writes the two files that the tutorial's app can start: a program for arXiv, and a script of
/// Python for Semantic Scholar.
fn write(folder: &Path, args: &McpArgs) -> Ended {
    let program = std::env::current_exe().map_err(|error| backend_failed(&error))?;
    let program = program.display().to_string();
    // A scenario file is found from any folder.
    let scenario = fs::canonicalize(&args.scenario)
        .map_or_else(|_| args.scenario.clone(), |path| path.display().to_string());
    let shell = format!(
        "#!/bin/sh\nexec {} mcp arxiv {} --time-scale {}\n",
        shell_argument(&program),
        shell_argument(&scenario),
        args.time_scale
    );
    let words = serde_json::json!([
        program,
        "mcp",
        "semantic-scholar",
        scenario,
        "--time-scale",
        args.time_scale.to_string()
    ]);
    let python = format!("import os\n\nCOMMAND = {words}\nos.execv(COMMAND[0], COMMAND)\n");
    let (first, second) =
        (folder.join("arxiv-mcp-server"), folder.join("semantic_scholar_server.py"));
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&first, shell))
        .and_then(|()| executable(&first))
        .and_then(|()| fs::write(&second, python));
    written.map_err(|error| {
        bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", folder.display()))
            .help("name a folder that you may write to")])
    })?;
    let absolute = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let line = |name: &str, path: &Path| {
        format!("export {name}={}", shell_argument(&absolute(path).display().to_string()))
    };
    let lines = format!(
        "{}\n{}",
        line("ARXIV_MCP_SERVER_PATH", &first),
        line("SEMANTIC_SCHOLAR_SERVER_PATH", &second)
    );
    output::result(&lines).map_err(|error| backend_failed(&error))?;
    Ok(Exit::Ran)
}

#[cfg(unix)]
fn executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> io::Result<()> {
    Ok(())
}

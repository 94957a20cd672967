//! `simlab play`: the page to play with, or a class, until somebody says stop.
//!
//! Guarantees: the address is the first line on standard output, as `serve` prints it; only `--listen`
//! leaves loopback.
//!
//! Does not know: what the pages show.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::args_number::whole;
use super::commands::{Ended, backend_failed, bad_file, read};
use super::exit::Exit;
use super::output;
use crate::course::{Course, CourseLesson};
use crate::play::{LessonClass, Play};
use crate::serve::{PageHandler, PageServer};

pub(super) const PLAY_EXAMPLES: &str = "Examples:
  simlab play                             the tutorial's first experiment
  simlab play my.ron --port 8080          your own scenario
  simlab play --class --listen 0.0.0.0    a class on this network
  simlab play peeking --class             a class on this machine only, to try it";

/// The arguments of `play`.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// A scenario file, or the name of a built-in scenario. Default: `security`. With --class: the
    /// lesson that is asked first, by name, number or file; the teacher chooses the others.
    pub scenario: Option<String>,
    /// Port; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u16>(0..=u16::MAX.into()))]
    pub port: u16,
    /// Open a class: students join by a link and predict, the teacher reveals, and all see how often
    /// each answer was chosen. The teacher's link has a secret: do not show it.
    #[arg(long)]
    pub class: bool,
    /// With --class: let other machines of the network join. 0.0.0.0 is every address of this machine.
    /// Default: only this machine.
    #[arg(long, value_name = "ADDRESS", requires = "class", value_parser = address)]
    pub listen: Option<IpAddr>,
    /// With --listen: also answer this name of the machine, such as teacher.local. Give the option
    /// once for each name.
    #[arg(long, value_name = "NAME", requires = "listen")]
    pub allow_host: Vec<String>,
}

/// Reads an address to listen on.
fn address(text: &str) -> Result<IpAddr, String> {
    let inside = text.trim_start_matches('[').trim_end_matches(']');
    inside.parse().map_err(|_| {
        "expected an IP address of this machine, such as 192.168.1.20 or 0.0.0.0; `--port` sets the port"
            .to_owned()
    })
}

/// What is served, the line that says where, and what to do next.
struct Served {
    pages: Arc<PageHandler>,
    line: String,
    messages: Vec<String>,
}

/// Serves the page until told to stop.
pub fn play(args: &PlayArgs) -> Ended {
    let name = args.scenario.as_deref();
    let lesson = match name {
        Some(name) if args.class => Some(class_lesson(name)?),
        _ => None,
    };
    let page = if args.class { None } else { Some(Play::new(read(name.unwrap_or("security"))?)) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| backend_failed(&error))?;
    let ended = runtime.block_on(async {
        let server = match args.listen {
            None => PageServer::bind(args.port).await,
            Some(ip) => {
                let address = SocketAddr::new(ip, args.port);
                PageServer::bind_on_network(address, &args.allow_host).await
            }
        };
        let server = server.map_err(|error| backend_failed(&error))?;
        let served = match page {
            Some(page) => alone(page, &server),
            None => class(lesson, &server).map_err(|error| backend_failed(&error))?,
        };
        output::result(&format!("{}\n", served.line)).map_err(|error| backend_failed(&error))?;
        served.messages.iter().for_each(|message| output::message(message));
        server.run(served.pages, super::signals::told_to_stop(false)).await;
        Ok(Exit::Ran)
    });
    // A run that is under way has no result that anybody waits for.
    runtime.shutdown_background();
    ended
}

/// A page for whoever is at this machine.
fn alone(page: Play, server: &PageServer) -> Served {
    let url = format!("http://{}", server.address());
    Served {
        pages: Arc::new(move |request| page.answer(request)),
        messages: vec![format!("open {url} in a browser; Ctrl-C ends simlab play")],
        line: format!("{{\"listening\": \"{url}\"}}"),
    }
}

/// A class, with a link for the teacher and at least one for students.
fn class(lesson: Option<CourseLesson>, server: &PageServer) -> std::io::Result<Served> {
    let own = server.address();
    let here = if own.ip().is_unspecified() {
        let loopback: IpAddr = if own.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        };
        SocketAddr::new(loopback, own.port())
    } else {
        own
    };
    let url = format!("http://{here}");
    let mut addresses: Vec<String> =
        server.addresses().iter().map(|address| format!("http://{address}")).collect();
    if addresses.is_empty() {
        output::message("this machine has no address on a network: only it can join the class");
        addresses.push(url.clone());
    }
    let class = LessonClass::new(&addresses, lesson)?;
    let teacher = class.teacher_link(&url);
    let line = format!(
        "{{\"listening\": \"{url}\", \"teacher\": \"{teacher}\", \"students\": {}}}",
        json!(class.links())
    );
    let mut messages = vec![format!("the teacher's page, for you only: {teacher}")];
    messages.extend(class.links().iter().map(|link| format!("the students' link: {link}")));
    if own.ip().is_loopback() {
        messages.push(
            "only this machine can open them; `--listen 0.0.0.0` lets the network join".to_owned(),
        );
    }
    messages.push("Ctrl-C ends the class".to_owned());
    Ok(Served { pages: Arc::new(move |request| class.answer(request)), line, messages })
}

/// The lesson that a class begins with.
fn class_lesson(name: &str) -> Result<CourseLesson, Exit> {
    match Course::lesson(name) {
        Ok(lesson) => Ok(lesson),
        Err(faults) if !faults.is_empty() => Err(bad_file(&faults)),
        Err(_) => CourseLesson::of(read(name)?).map_err(|faults| bad_file(&faults)),
    }
}

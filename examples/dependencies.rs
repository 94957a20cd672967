//! What is linked into the binary, and under which terms.
//!
//! - `cargo run --example dependencies -- notices` prints the third-party notices, as
//!   `docs/third-party.md` has them.
//! - `cargo run --example dependencies -- sbom` prints a software bill of materials: CycloneDX 1.6
//!   as JSON.
//!
//! Both list the crates that a build for one of [`PLATFORMS`] links: no build scripts, no macros,
//! no test libraries. They come from `Cargo.lock` and the packages themselves, without a date or a
//! random number, so the same lock file gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

use serde_json::{Value, json};
use spdx::{Expression, LicenseId, LicenseReq, Licensee, ParseMode};

/// The platforms that the lists cover.
const PLATFORMS: [&str; 4] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];
/// Licenses in the order in which one is chosen where a crate leaves the choice.
const PREFERRED: [&str; 10] = [
    "MIT",
    "MIT-0",
    "ISC",
    "Zlib",
    "BSL-1.0",
    "BSD-3-Clause",
    "BSD-2-Clause",
    "Unicode-3.0",
    "Apache-2.0",
    "CDLA-Permissive-2.0",
];
/// Marks in the name of a file that holds the text of one license, with this license.
const MARKS: [(&str, &str); 11] = [
    ("apache", "Apache-2.0"),
    ("unlicense", "Unlicense"),
    ("mit", "MIT"),
    ("zlib", "Zlib"),
    ("isc", "ISC"),
    ("0bsd", "0BSD"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd", "BSD-3-Clause"),
    ("unicode", "Unicode-3.0"),
    ("boost", "BSL-1.0"),
    ("llvm", "Apache-2.0"),
];

type Failure = Box<dyn Error>;

/// One crate that is linked.
struct Linked {
    name: String,
    version: String,
    /// The SPDX expression, in today's spelling.
    license: String,
    repository: Option<String>,
    /// SHA-256 of the package, from `Cargo.lock`.
    checksum: Option<String>,
    folder: String,
    needs: BTreeSet<(String, String)>,
}

/// The linked crates by name and version, and the name and version of simlab itself.
struct Graph {
    root: (String, String),
    linked: BTreeMap<(String, String), Linked>,
}

fn main() -> Result<(), Failure> {
    let graph = graph()?;
    match env::args().nth(1).as_deref() {
        Some("notices") => print!("{}", notices(&graph)?),
        Some("sbom") => println!("{}", serde_json::to_string_pretty(&sbom(&graph))?),
        _ => return Err("expected one argument: notices, sbom".into()),
    }
    Ok(())
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, Failure> {
    value
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("`cargo metadata` gives no `{field}`").into())
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a Vec<Value>, Failure> {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("`cargo metadata` gives no `{path}`").into())
}

/// The standard output of cargo.
fn cargo(arguments: &[&str]) -> Result<String, Failure> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output =
        Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if !output.status.success() {
        return Err(format!(
            "`cargo {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Asks cargo what is linked. `cargo tree` says it exactly; `cargo metadata` alone also lists
/// optional crates that no build takes.
fn graph() -> Result<Graph, Failure> {
    let checksums = checksums()?;
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"])?)?;
    let mut packages = BTreeMap::new();
    for package in list(&metadata, "/packages")? {
        packages.insert(named(package)?, package);
    }
    let mut graph = Graph { root: Default::default(), linked: BTreeMap::new() };
    for platform in PLATFORMS {
        let edges = [
            "tree",
            "--locked",
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "depth",
            "--format",
            " {p}",
            "--target",
            platform,
        ];
        // The crates on the way from simlab to the line at hand.
        let mut way: Vec<(String, String)> = Vec::new();
        for line in cargo(&edges)?.lines() {
            let mut words = line.split_whitespace();
            let (Some(Ok(depth)), Some(name), Some(version)) =
                (words.next().map(str::parse), words.next(), words.next())
            else {
                return Err(format!(
                    "`cargo tree` gives the line `{line}`; expected a depth, a name and a version"
                )
                .into());
            };
            let own = (name.to_owned(), version.trim_start_matches('v').to_owned());
            let package = packages
                .get(&own)
                .ok_or_else(|| format!("`cargo metadata` gives no package {name} {version}"))?;
            way.truncate(depth);
            match way.last() {
                Some(parent) => {
                    if let Some(parent) = graph.linked.get_mut(parent) {
                        parent.needs.insert(own.clone());
                    }
                }
                None => graph.root = own.clone(),
            }
            graph.linked.entry(own.clone()).or_insert(read(package, &checksums)?);
            way.push(own);
        }
    }
    Ok(graph)
}

fn named(package: &Value) -> Result<(String, String), Failure> {
    Ok((text(package, "name")?.to_owned(), text(package, "version")?.to_owned()))
}

fn read(
    package: &Value,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<Linked, Failure> {
    let (name, version) = named(package)?;
    let license = package
        .get("license")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{name} {version} names no license"))?;
    let mut license = license.replace('/', " OR ");
    while license.contains("  ") {
        license = license.replace("  ", " ");
    }
    let folder =
        Path::new(text(package, "manifest_path")?).parent().ok_or("a manifest without a folder")?;
    Ok(Linked {
        license,
        repository: package.get("repository").and_then(Value::as_str).map(str::to_owned),
        checksum: checksums.get(&(name.clone(), version.clone())).cloned(),
        folder: folder.to_string_lossy().into_owned(),
        needs: BTreeSet::new(),
        name,
        version,
    })
}

/// The checksums of `Cargo.lock` by name and version. The file is written by cargo, one field a
/// line.
fn checksums() -> Result<BTreeMap<(String, String), String>, io::Error> {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"))?;
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| {
            Some(line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
        })
    };
    let blocks = lock.split("[[package]]");
    Ok(blocks
        .filter_map(|block| {
            Some(((field(block, "name")?, field(block, "version")?), field(block, "checksum")?))
        })
        .collect())
}

/// The licenses under which simlab uses a crate: all that it demands, the preferred one where it
/// leaves a choice.
fn chosen(linked: &Linked) -> Result<Vec<LicenseReq>, Failure> {
    let accepted: Vec<Licensee> =
        PREFERRED.iter().map(|id| Licensee::parse(id)).collect::<Result<_, _>>()?;
    let expression = Expression::parse_mode(&linked.license, ParseMode::LAX).map_err(|error| {
        format!(
            "{} {}: the license `{}` cannot be read: {error}",
            linked.name, linked.version, linked.license
        )
    })?;
    Ok(expression.minimized_requirements(&accepted).map_err(|error| {
        format!(
            "{} {}: the license `{}` is not accepted: {error}",
            linked.name, linked.version, linked.license
        )
    })?)
}

/// A text without its copyright lines, and these lines.
fn parted(text: &str) -> (String, BTreeSet<String>) {
    let mut owners = BTreeSet::new();
    let mut body = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if ["Copyright ", "© ", "(c) "].iter().any(|start| bare.starts_with(start))
            && !bare.contains('[')
            && bare.len() < 160
        {
            owners.insert(bare.replace('`', "'"));
        } else {
            body.push_str(line.trim_end());
            body.push('\n');
        }
    }
    (body.trim_matches('\n').to_owned(), owners)
}

/// Texts that differ in spaces, case and marks alone are one.
fn key(body: &str) -> String {
    body.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The files of a package that hold its terms: not those of licenses that were left out.
fn terms(linked: &Linked) -> Result<Vec<String>, Failure> {
    let chosen: Vec<LicenseId> =
        chosen(linked)?.iter().filter_map(|license| license.license.id()).collect();
    let mut names = Vec::new();
    for entry in fs::read_dir(&linked.folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let low = name.to_lowercase();
        let fits = ["licen", "unlicen", "copying", "copyright", "notice"]
            .iter()
            .any(|start| low.starts_with(start));
        let of = MARKS.iter().find(|(mark, _)| low.contains(mark)).map(|(_, id)| *id);
        if fits && of.is_none_or(|of| chosen.iter().any(|id| id.name == of)) {
            names.push(name);
        }
    }
    names.sort();
    let mut texts = Vec::new();
    for name in names {
        let path = Path::new(&linked.folder).join(&name);
        if path.is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(path)?).into_owned());
        }
    }
    if texts.is_empty() {
        // The package has none, so the license's own words stand in.
        texts.extend(chosen.iter().map(|id| id.text().to_owned()));
    }
    Ok(texts)
}

/// One text and the crates under it, each with its copyright lines.
struct Terms {
    body: String,
    crates: BTreeMap<String, BTreeSet<String>>,
}

/// The notices as Markdown.
fn notices(graph: &Graph) -> Result<String, Failure> {
    let mut texts: Vec<Terms> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = String::new();
    for (own, linked) in graph.linked.iter().filter(|(own, _)| **own != graph.root) {
        let mut numbers = BTreeSet::new();
        for text in terms(linked)? {
            let (body, owners) = parted(&text);
            let at = *places.entry(key(&body)).or_insert_with(|| {
                texts.push(Terms { body, crates: BTreeMap::new() });
                texts.len() - 1
            });
            numbers.insert(at + 1);
            if let Some(terms) = texts.get_mut(at) {
                terms.crates.entry(format!("{} {}", own.0, own.1)).or_default().extend(owners);
            }
        }
        let numbers: Vec<String> =
            numbers.iter().map(|number| format!("[{number}](#text-{number})")).collect();
        let name = match &linked.repository {
            Some(repository) => format!("[{}]({repository})", linked.name),
            None => linked.name.clone(),
        };
        writeln!(
            rows,
            "| {name} | {} | {} | {} |",
            linked.version,
            linked.license,
            numbers.join(", ")
        )?;
    }
    let mut page = String::from(
        "# Third-party notices\n\nThe simlab binary contains the crates below, on one or more of the platforms Linux, macOS and Windows. \
        Where a crate leaves the choice between licenses, simlab uses it under the one whose text is given.\n\n\
        `cargo run --example dependencies -- notices > docs/third-party.md` renews this page. `.ci/dependencies` fails while it is out of \
        date.\n\n| crate | version | license | text |\n|---|---|---|---|\n",
    );
    page.push_str(&rows);
    for (nth, terms) in texts.iter().enumerate() {
        write!(page, "\n## Text {}\n\n", nth + 1)?;
        for (name, owners) in &terms.crates {
            let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
            // Markdown would take `<year>` for HTML, and swallow what follows.
            let owners = owners.join("; ").replace('<', "\\<");
            writeln!(page, "- {name}{}{owners}", if owners.is_empty() { "" } else { ": " })?;
        }
        // A license has fences of its own.
        let longest = terms
            .body
            .lines()
            .map(|line| line.chars().take_while(|c| *c == '~').count())
            .max()
            .unwrap_or(0);
        let fence = "~".repeat(longest.max(2) + 1);
        write!(page, "\n{fence}text\n{}\n{fence}\n", terms.body)?;
    }
    Ok(page)
}

/// The address of a package in the form of <https://github.com/package-url/purl-spec>.
fn purl((name, version): &(String, String)) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// The bill of materials, as <https://cyclonedx.org/docs/1.6/json/> has it.
fn sbom(graph: &Graph) -> Value {
    let component = |linked: &Linked, kind: &str| {
        let own = (linked.name.clone(), linked.version.clone());
        let component = json!({
            "type": kind, "bom-ref": purl(&own), "name": linked.name, "version": linked.version, "scope": "required",
            "purl": purl(&own), "licenses": [{ "expression": linked.license }],
        });
        let hashes = linked
            .checksum
            .as_ref()
            .map(|checksum| json!([{ "alg": "SHA-256", "content": checksum }]));
        let references = linked
            .repository
            .as_ref()
            .map(|repository| json!([{ "type": "vcs", "url": repository }]));
        let optional = [("hashes", hashes), ("externalReferences", references)];
        let optional =
            optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        component.as_object().cloned().into_iter().flatten().chain(optional).collect::<Value>()
    };
    let root = graph.linked.get(&graph.root).map(|linked| component(linked, "application"));
    let components: Vec<Value> = graph
        .linked
        .iter()
        .filter(|(own, _)| **own != graph.root)
        .map(|(_, linked)| component(linked, "library"))
        .collect();
    let dependencies: Vec<Value> = graph
        .linked
        .iter()
        .map(|(own, linked)| json!({ "ref": purl(own), "dependsOn": linked.needs.iter().map(purl).collect::<Vec<_>>() }))
        .collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": { "component": root }, "components": components, "dependencies": dependencies,
    })
}

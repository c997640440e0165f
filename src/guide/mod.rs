//! Floor 5: the guide. A chapter is a Markdown file beside this one, which a repository's browser shows and
//! `deployer help` prints. Those of the reference are generated; `tests/it/guide.rs` says how.

mod render;

pub use render::render;

/// One chapter.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// The topic, as it is typed.
    pub name: &'static str,
    /// Its Markdown.
    pub text: &'static str,
}

macro_rules! chapters {
    ($($name:literal)*) => { &[$(Chapter { name: $name, text: include_str!(concat!($name, ".md")) }),*] };
}

/// The chapters in the order in which they are read, in groups.
pub const GROUPS: &[(&str, &[Chapter])] = &[
    ("Begin", chapters!["install" "start" "site" "rehearsal" "everyday" "troubleshooting"]),
    (
        "Guides",
        chapters!["django" "fastapi" "node" "hooks" "workers" "secrets" "files" "ci" "programs" "gitric" "socket" "fleet"],
    ),
    ("Concepts", chapters!["slots" "switch" "locks" "crashes" "speed" "security"]),
    ("Reference", chapters!["keys" "commands" "codes" "json"]),
];

/// All chapters.
pub fn chapters() -> impl Iterator<Item = &'static Chapter> {
    GROUPS.iter().flat_map(|(_, chapters)| *chapters)
}

/// The chapter on a topic.
#[must_use]
pub fn chapter(name: &str) -> Option<&'static Chapter> {
    chapters().find(|chapter| chapter.name == name)
}

/// The topics by their groups, as `deployer help` lists them beside the commands.
#[must_use]
pub fn topics() -> String {
    const COLUMNS: usize = 78;
    let mut text = String::new();
    for (heading, chapters) in GROUPS {
        let mut line = format!("  {heading:<12}");
        for (number, chapter) in chapters.iter().enumerate() {
            let comma = if number + 1 < chapters.len() { "," } else { "" };
            if line.len() + 1 + chapter.name.len() + comma.len() > COLUMNS {
                text += &format!("{line}\n");
                line = " ".repeat(14);
            }
            line += &format!(" {}{comma}", chapter.name);
        }
        text += &format!("{line}\n");
    }
    text
}

//! The host's side of a bundle.

use std::io::{Read, Seek};

use deployer::git::{Bundle, Packer, SourceError};

use crate::git::repository::Repo;

pub(crate) const BOTH: [Packer; 2] = [Packer::Git, Packer::Libgit2];
pub(crate) const SEED: &str = "refs/deployer/seed";

/// Takes a bundle in as a host does, and has git check what arrived.
#[track_caller]
pub(crate) fn take(host: &Repo, bundle: &mut Bundle) {
    let path = put(host, bundle);
    host.git(&["bundle", "verify", "-q", &path]);
    host.git(&["fetch", "-q", &path, "+refs/deployer/seed:refs/deployer/seed"]);
    host.git(&["fsck", "--full", "--strict"]);
}

/// A host that lacks what the bundle builds on is told so by git, and takes nothing in.
#[track_caller]
pub(crate) fn refuses(host: &Repo, bundle: &mut Bundle) {
    let path = put(host, bundle);
    let (taken, said) = host.try_git(&["fetch", &path, "+refs/deployer/seed:refs/deployer/seed"]);
    assert!(!taken && said.contains("lacks these prerequisite commits"), "{said}");
}

fn put(host: &Repo, bundle: &mut Bundle) -> String {
    let mut bytes = Vec::new();
    bundle.file.rewind().unwrap();
    bundle.file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, bundle.bytes);
    let path = host.path.with_file_name("a bundle");
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn bundle(
    repo: &Repo,
    commit: &str,
    haves: &[&str],
    packer: Packer,
) -> Result<Option<Bundle>, SourceError> {
    let haves: Vec<String> = haves.iter().map(|have| (*have).to_owned()).collect();
    repo.open().bundle_with(commit, SEED, &haves, Some(packer), &mut |_| true)
}

//! A host whose disk is full or read-only: a small file system at the root's place.

use std::fs;

use crate::faults::fixture::{SHORT, meet};
use crate::support::{Disk, Site};

/// A live site on a disk of 64 MB.
fn small(case: &str) -> Option<(Site, Disk)> {
    let mut site = Site::new();
    let disk = Disk::small(&site.host.root(), 64, case)?;
    site.go_live();
    site.extra = SHORT.to_string();
    site.configure();
    site.commit("short bounds");
    Some((site, disk))
}

#[test]
fn the_disk_is_full() {
    let Some((site, disk)) = small("the disk is full") else { return };
    disk.fill(0);
    let met = meet(&site, "disk_full_at_the_start", &["prod", "deploy"], 1);
    let what = met.after["problems"][0]["what"].as_str();
    assert!(what.is_some_and(|what| what.ends_with("is full")), "{what:?}");

    let mut seed = 1u64;
    let noise: Vec<u8> = (0..3_000_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .collect();
    fs::write(site.repo.path().join("noise.bin"), noise).unwrap();
    site.commit("a large file");
    disk.fill(1000 * 1024);
    meet(&site, "disk_full_in_the_seed", &["prod", "deploy"], 1);

    site.git(&["rm", "--quiet", "noise.bin"]);
    site.write("requirements.txt", &format!("{}\nflask\n", crate::support::gunicorn()));
    site.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    site.commit("another virtualenv");
    disk.fill(600 * 1024);
    meet(&site, "disk_full_in_the_virtualenv", &["prod", "deploy"], 1);

    disk.empty();
    site.done(&["prod", "deploy"]);
    // With the reserve that a deploy keeps for it, it would work.
    fs::remove_dir_all(site.path(".deployer/reserve")).unwrap();
    disk.fill(0);
    meet(&site, "disk_full_at_the_cutover", &["prod", "cutover"], 1);
    disk.empty();
    site.done(&["prod", "cutover"]);
}

#[test]
fn the_disk_is_read_only() {
    let Some((site, disk)) = small("the disk is read-only") else { return };
    site.change();
    site.done(&["prod", "deploy"]);
    disk.read_only();
    meet(&site, "read_only_at_the_start", &["prod", "deploy"], 1);
    meet(&site, "read_only_at_the_cutover", &["prod", "cutover"], 1);
    disk.writable();
    site.go_live();
}

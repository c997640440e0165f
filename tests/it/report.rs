//! The page that shows a release, as a browser has it: its counts are the log's, and it fits a phone, in light and dark.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{HostControl, Load, Site, row};

/// Reads of each page in a frame what a person would see.
const LOOK: &str = r#"
window.onload = () => {
  const seen = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, view = frame.contentWindow, root = page.documentElement;
    page.querySelectorAll("details").forEach(details => details.open = true);
    const light = color => {
      const parts = color.match(/[\d.]+/g).slice(0, 3).map(part => part / 255);
      const [r, g, b] = parts.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (one, other) => {
      const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const style = element => view.getComputedStyle(element);
    const card = style(page.querySelector("section")).backgroundColor;
    const pictures = [...page.querySelectorAll("figure > svg")].filter(svg => style(svg).display != "none");
    const frameOf = element => element.getBoundingClientRect();
    const texts = pictures.flatMap(svg => [...svg.querySelectorAll("text")]);
    const outside = texts.filter(text => {
      const box = frameOf(text), all = frameOf(text.closest("svg"));
      return box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - 1 || box.bottom > all.bottom + 1;
    });
    return {
      overflow: root.scrollWidth - root.clientWidth,
      dark: light(card) < 0.5,
      least: Math.min(...[page.body, ...page.querySelectorAll(".faint, .end, th, td, figcaption")]
        .map(element => contrast(style(element).color, card))),
      bars: Math.min(...pictures.flatMap(svg => [...svg.querySelectorAll("path")])
        .map(path => contrast(style(path).fill == "none" ? style(path).stroke : style(path).fill, card))),
      pictures: pictures.length,
      smallest: Math.min(...texts.map(text => frameOf(text).height)),
      outside: outside.map(text => text.textContent),
    };
  });
  document.body.textContent = "@@" + JSON.stringify(seen) + "@@";
};
"#;

/// What a browser shows of pages at these widths, on a machine that prefers light or dark.
fn looked_at(folder: &Path, pages: &[(&str, u32)], dark: bool) -> Vec<Value> {
    let frames: String = pages
        .iter()
        .map(|(html, width)| {
            let source = html.replace('&', "&amp;").replace('"', "&quot;");
            format!(
                "<iframe style=\"width: {width}px; height: 900px; border: 0\" srcdoc=\"{source}\"></iframe>\n"
            )
        })
        .collect();
    let file = folder.join("frames.html");
    fs::write(&file, format!("<!DOCTYPE html><body>{frames}<script>{LOOK}</script>")).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args([
            "120",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--dump-dom",
        ])
        .arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(&file)
        .output()
        .expect("chromium");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let json = said
        .split("@@")
        .nth(1)
        .unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(&json.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")).unwrap()
}

/// Holds for each page, however it is looked at.
fn assert_shown(html: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    fs::write(&file, html).unwrap();
    let valid = Command::new("tidy").args(["-quiet", "-errors"]).arg(&file).output().expect("tidy");
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stderr));
    for outside in ["src=", "href=", "url(", "@import", "<script", "://"] {
        assert!(!html.contains(outside), "{outside}: {html}");
    }
    for dark in [false, true] {
        for (seen, width) in
            looked_at(folder.path(), &[(html, 1100), (html, 360)], dark).iter().zip([1100, 360])
        {
            let place = format!("{width} px, dark {dark}: {seen}");
            assert_eq!(seen["overflow"], 0, "{place}");
            assert_eq!(seen["dark"], dark, "{place}");
            assert!(seen["least"].as_f64().unwrap() >= 4.5, "text is hard to read: {place}");
            let pictures = html.matches("role=\"img\"").count() / 2;
            assert_eq!(seen["pictures"], pictures, "{place}");
            if pictures > 0 {
                assert!(seen["bars"].as_f64().unwrap() >= 3.0, "a colour is hard to see: {place}");
                assert!(seen["smallest"].as_f64().unwrap() >= 10.0, "text is too small: {place}");
                assert_eq!(seen["outside"], Value::Array(Vec::new()), "{place}");
            }
        }
    }
}

/// The sums of the columns of the picture's numbers: by the old release, by the new one, lost.
fn sums(html: &str) -> [u64; 3] {
    let (_, table) = html.split_once("<details>").expect("the numbers");
    let (table, _) = table.split_once("</details>").expect("their end");
    let mut sums = [0; 3];
    for line in table.lines().filter(|line| line.starts_with("<tr><td")) {
        let cells: Vec<&str> = line.split("<td class=\"right\">").skip(1).collect();
        for (sum, cell) in sums.iter_mut().zip(&cells[1..4]) {
            *sum += cell.trim_end_matches("</td>").parse::<u64>().expect("a number");
        }
    }
    sums
}

#[test]
fn a_rehearsal_can_be_shown() {
    let site = Site::new();
    site.commit("a <b>word</b> & \"another\"");
    let file = site.repo.path().join("report.html");
    let ran = site.done(&["rehearse", "--allow-dirty", "--report", "report.html"]);
    let html = fs::read_to_string(&file).unwrap();
    let line = ran.stderr.lines().find(|line| line.contains("while it was cut over")).expect("the counts");
    let requests: u64 = line.trim_start_matches("note: ").split(' ').next().unwrap().parse().unwrap();
    let [old, new, lost] = sums(&html);
    assert_eq!((old + new + lost, lost), (requests, 0), "{line}");
    assert!(old > 0 && new > 0, "the switch is in the picture: {old}, {new}");
    for shown in [
        "<h1>Rehearsal of prod",
        "<strong>0</strong> lost",
        "a &lt;b&gt;word&lt;/b&gt; &amp; &quot;another&quot;",
        ">swap +0.00 s</text>",
        ">reload ",
        ">drained ",
        "aria-describedby=\"switch\"",
        "switch to green and reload nginx",
        "ann@",
    ] {
        assert!(html.contains(shown), "{shown}: {html}");
    }
    assert_shown(&html);
    row(
        "report",
        "rehearse: light and dark, 1100 and 360 px",
        format!("ok: {requests} requests, as the log has them"),
    );
}

#[test]
fn a_watched_cutover_can_be_shown() {
    let mut site = Site::new();
    site.extra = format!("[nginx]\naccess_log = {:?}\n", site.host.nginx_access_log());
    site.configure();
    site.commit("a log");
    site.go_live();
    site.change();
    site.done(&["prod", "deploy"]);
    let load = Load {
        pause: Duration::from_millis(20),
        duration: Duration::from_secs(3),
        ..Load::new(site.door(), site.host.server_name())
    };
    let load = load.start();
    let file = site.repo.path().join("report.html");
    let ran = site.done(&["prod", "cutover", "--watch", "5s", "--json", "--report", file.to_str().unwrap()]);
    let sent = load.stop().answers.len() as u64;
    let html = fs::read_to_string(&file).unwrap();

    let events = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = events.collect();
    let traffic = events.iter().find(|event| event["event"] == "traffic").expect("the traffic");
    let moments: Vec<&str> = events.iter().filter_map(|event| event["moment"].as_str()).collect();
    assert_eq!(moments, ["swap", "reload", "proven", "drained"]);
    // What nginx has logged since the picture begins, by our own reading.
    let begin = traffic["begin"].as_f64().unwrap() as i64;
    let log = fs::read_to_string(site.host.nginx_access_log()).unwrap();
    let logged = log.lines().filter(|line| {
        let time = line.split(['[', ']']).nth(1).expect("a time");
        jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).expect("a time").as_second() >= begin
    });
    let [old, new, lost] = sums(&html);
    assert_eq!((old + new + lost, lost), (logged.count() as u64, 0));
    assert!(old > 0 && new > 0 && old + new > sent, "{old}, {new} of {sent}");
    assert!(html.contains("<h1>Cutover of prod") && html.contains("<strong>0</strong> lost"), "{html}");
    assert_shown(&html);

    // One that fails is shown too, and one that cannot be written is said before anything is done.
    let refused = site.deployer(&["prod", "deploy", "--cutover", "--report", "report.html"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let html = fs::read_to_string(&file).unwrap();
    assert!(html.contains("What failed") && html.contains(">failed</span>"), "{html}");
    assert_shown(&html);
    let refused = site.deployer(&["prod", "cutover", "--report", "no/such/report.html"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("cannot write no/such/report.html"), "{refused:?}");
    row(
        "report",
        "cutover --watch: light and dark, 1100 and 360 px",
        format!("ok: {} requests, as nginx's log has them", old + new),
    );
}

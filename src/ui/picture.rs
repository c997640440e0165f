//! The picture of a switch: requests a second by release, and below it their latency, over time.

use std::fmt::Write;

use super::text::clean;
use crate::plan::{Column, Moment, Traffic};

const LEFT: f64 = 46.0;
const RIGHT: f64 = 24.0;
/// Height of a moment's name; each has a row of its own, so that none covers another.
const ROW: f64 = 16.0;
const RATES: f64 = 140.0;
const LATENCIES: f64 = 96.0;
/// Room for the title of the lower part.
const GAP: f64 = 34.0;
const BELOW: f64 = 24.0;

/// Something that a column says.
type Of<T> = fn(&Column) -> T;

/// What is drawn.
pub(super) struct Picture<'a> {
    pub traffic: &'a Traffic,
    /// By the clock of `traffic`.
    pub moments: &'a [(Moment, f64)],
    /// The classes of the old and the new release.
    pub classes: [&'static str; 2],
    /// What a reader hears who does not see it; the caption, whose name is this, says the rest.
    pub title: &'a str,
    pub caption: &'a str,
}

/// A moment, in a word.
pub(super) fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Swap => "swap",
        Moment::Reload => "reload",
        Moment::Proven => "proven",
        Moment::Drained => "drained",
        Moment::Back => "back",
    }
}

/// Text as HTML and SVG have it; nothing in it is markup, and nothing drives a terminal.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

impl Picture<'_> {
    /// The drawing, so many units wide, for readers with so much room.
    pub(super) fn svg(&self, width: f64, class: &str) -> String {
        let shown = self.shown();
        #[allow(clippy::cast_precision_loss)]
        let top = ROW * shown.len() as f64 + 26.0;
        let (rates_end, latencies) = (top + RATES, top + RATES + GAP);
        let bottom = latencies + LATENCIES;
        let height = bottom + BELOW;
        let mut svg = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-label=\"{}\" aria-describedby=\"{}\">\n",
            escape(self.title),
            escape(self.caption),
        );
        self.times(&mut svg, width, bottom);
        let rate = |column: &Column| rounded(column.requests()) / self.traffic.width;
        let most = self.traffic.columns.iter().map(rate).fold(0.0, f64::max);
        let rates = Scale::new(&mut svg, width, most, (top, rates_end));
        let parts: [(&str, Of<u64>); 3] = [
            (self.classes[0], |column| column.old),
            (self.classes[1], |column| column.new),
            ("lost", |column| column.lost),
        ];
        for (index, (class, _)) in parts.iter().enumerate() {
            let path = self.bars(width, &rates, |column| {
                let below = parts[..index].iter().fold(0u64, |sum, (_, of)| sum.saturating_add(of(column)));
                (below, below.saturating_add(parts[index].1(column)))
            });
            if !path.is_empty() {
                let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
            }
        }
        let slowest = |column: &Column| column.slowest;
        let most = self.traffic.columns.iter().filter_map(slowest).fold(0.0, f64::max);
        let scale = Scale::new(&mut svg, width, most, (latencies, bottom));
        for (class, of) in [("slowest", slowest as Of<Option<f64>>), ("usual", |column| column.usual)] {
            let path = self.line(width, &scale, of);
            if !path.is_empty() {
                let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
            }
        }
        let zero = self.zero();
        for (row, (moment, at)) in shown.iter().enumerate() {
            let x = self.x(*at, width);
            #[allow(clippy::cast_precision_loss)]
            let y = ROW * (row as f64 + 1.0) - 4.0;
            let _ = writeln!(
                svg,
                "<line class=\"moment\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>",
                y - 9.0
            );
            let (x, anchor) = if x > width - 110.0 { (x - 4.0, "end") } else { (x + 4.0, "start") };
            text(&mut svg, x, y, anchor, "name", &format!("{} {:+.2} s", word(*moment), at - zero));
        }
        text(&mut svg, LEFT, top - 9.0, "start", "name", "requests a second");
        text(&mut svg, LEFT, latencies - 9.0, "start", "name", "latency in ms");
        svg + "</svg>\n"
    }

    /// The moments within the picture.
    fn shown(&self) -> Vec<(Moment, f64)> {
        let Traffic { begin, .. } = *self.traffic;
        let end = begin + self.traffic.seconds();
        self.moments.iter().copied().filter(|(_, at)| (begin..=end).contains(at)).collect()
    }

    /// The time that the picture's numbers are counted from: the swap, or its left edge.
    pub(super) fn zero(&self) -> f64 {
        let swap = self.shown().into_iter().find(|(moment, _)| *moment == Moment::Swap);
        swap.map_or(self.traffic.begin, |(_, at)| at)
    }

    fn x(&self, at: f64, width: f64) -> f64 {
        LEFT + (width - LEFT - RIGHT) * (at - self.traffic.begin) / self.traffic.seconds()
    }

    fn left_of(&self, index: usize, width: f64) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        self.x(self.traffic.begin + self.traffic.width * index as f64, width)
    }

    fn bars(&self, width: f64, scale: &Scale, of: impl Fn(&Column) -> (u64, u64)) -> String {
        let mut path = String::new();
        for (index, column) in self.traffic.columns.iter().enumerate() {
            let (low, high) = of(column);
            if high > low {
                let [low, high] = [low, high].map(|count| scale.y(rounded(count) / self.traffic.width));
                let (x, end) = (self.left_of(index, width), self.left_of(index + 1, width));
                let _ = write!(path, "M{x:.1} {low:.1}V{high:.1}H{end:.1}V{low:.1}z");
            }
        }
        path
    }

    fn line(&self, width: f64, scale: &Scale, of: Of<Option<f64>>) -> String {
        let (mut path, mut pen) = (String::new(), 'M');
        for (index, column) in self.traffic.columns.iter().enumerate() {
            let Some(value) = of(column) else {
                pen = 'M';
                continue;
            };
            let x = (self.left_of(index, width) + self.left_of(index + 1, width)) / 2.0;
            let _ = write!(path, "{pen}{x:.1} {:.1}", scale.y(value));
            if pen == 'M' {
                // One that stands alone is a dot.
                path.push_str("h0");
            }
            pen = 'L';
        }
        path
    }

    /// The seconds, below all of it.
    fn times(&self, svg: &mut String, width: f64, bottom: f64) {
        let (zero, begin) = (self.zero(), self.traffic.begin);
        let end = begin + self.traffic.seconds();
        let step = nice(self.traffic.seconds() * 80.0 / (width - LEFT - RIGHT));
        let mut number = ((begin - zero) / step).ceil();
        while zero + number * step <= end + 1e-6 {
            let x = self.x(zero + number * step, width);
            let seconds = number * step;
            let said = if number == 0.0 { "0 s".to_string() } else { format!("{seconds:+} s") };
            let said = if step < 1.0 && number != 0.0 { format!("{seconds:+.2} s") } else { said };
            text(svg, x, bottom + 16.0, "middle", "faint", &said);
            let _ = writeln!(
                svg,
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{:.1}\"/>",
                bottom + 4.0
            );
            number += 1.0;
        }
    }
}

/// From a value to a height, with its grid.
struct Scale {
    most: f64,
    top: f64,
    bottom: f64,
}

impl Scale {
    fn new(svg: &mut String, width: f64, most: f64, (top, bottom): (f64, f64)) -> Scale {
        let scale = Scale { most: nice(most.max(1.0)), top, bottom };
        for share in [0.0, 0.5, 1.0] {
            let (value, y) = (scale.most * share, scale.y(scale.most * share));
            let class = if share == 0.0 { "axis" } else { "grid" };
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                width - RIGHT
            );
            text(svg, LEFT - 6.0, y + 4.0, "end", "faint", &format!("{value}"));
        }
        scale
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (value / self.most).min(1.0)
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, said: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escape(said)
    );
}

/// The next number above that is 1, 2 or 5 with zeros: what an axis ends with.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-6).log10().floor());
    let factor = [1.0, 2.0, 3.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= value * 0.999_999);
    factor.unwrap_or(10.0) * power
}

#[allow(clippy::cast_precision_loss)]
fn rounded(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_with_a_round_number() {
        for (value, end) in
            [(0.04, 0.05), (1.0, 1.0), (1.1, 2.0), (28.0, 30.0), (50.0, 50.0), (501.0, 1000.0)]
        {
            assert!((nice(value) - end).abs() < end * 1e-9, "{value}: {}", nice(value));
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escape("<b a='x'>&\"\u{1b}[31m\u{202e}"), "&lt;b a=&#39;x&#39;&gt;&amp;&quot;\u{fffd}");
    }
}

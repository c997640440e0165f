/// A size in decimal units, two digits where one would hide much: `512 B`, `2.1 kB`, `61 MB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    #[allow(clippy::cast_precision_loss)]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 kB would print as `1000 kB`.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", units[unit]) } else { format!("{value:.0} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_and_short() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1000), "1.0 kB");
        assert_eq!(size(2_100), "2.1 kB");
        assert_eq!(size(9_960), "10 kB");
        assert_eq!(size(61_400_000), "61 MB");
        assert_eq!(size(999_600), "1.0 MB");
        assert_eq!(size(u64::MAX), "18 EB");
    }
}
